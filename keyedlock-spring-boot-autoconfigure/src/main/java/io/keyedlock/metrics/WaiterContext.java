// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.metrics;

import io.micrometer.context.ContextSnapshot;
import io.micrometer.context.ContextSnapshotFactory;
import org.springframework.util.ClassUtils;

/**
 * The context of a caller that waits, such as its trace, for what is recorded at the end of the wait by another thread. Nothing,
 * where Micrometer's context propagation is absent.
 */
interface WaiterContext {

    /** Runs something on this thread as if it were the one that asked. */
    void run(Runnable recording);

    /** The context of the current thread. */
    static WaiterContext capture() {
        return Propagation.PRESENT ? Propagation.capture() : Runnable::run;
    }

    /** Nothing but {@link #PRESENT} may be used where it is false. */
    final class Propagation {

        static final boolean PRESENT = ClassUtils.isPresent(
                "io.micrometer.context.ContextSnapshotFactory", WaiterContext.class.getClassLoader());

        private Propagation() {}

        static WaiterContext capture() {
            ContextSnapshot snapshot = Snapshots.FACTORY.captureAll();
            // On an event loop, also where the thread is the same.
            return recording -> snapshot.wrap(recording).run();
        }
    }

    /** What is missing is cleared, or the trace of the thread that released the lock would take its place. */
    final class Snapshots {

        private static final ContextSnapshotFactory FACTORY =
                ContextSnapshotFactory.builder().clearMissing(true).build();

        private Snapshots() {}
    }
}
