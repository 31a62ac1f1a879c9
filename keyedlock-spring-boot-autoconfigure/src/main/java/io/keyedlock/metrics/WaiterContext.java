// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.metrics;

import io.micrometer.context.ContextSnapshot;
import io.micrometer.context.ContextSnapshotFactory;
import org.springframework.util.ClassUtils;

/**
 * The context of a waiter, such as its trace, for recording the end of its wait on another thread. Empty if Micrometer's
 * context propagation is absent.
 */
interface WaiterContext {

    /** Runs an action on this thread in the captured context. */
    void run(Runnable action);

    /** Captures the context of the current thread. */
    static WaiterContext capture() {
        return Propagation.PRESENT ? Propagation.capture() : Runnable::run;
    }

    /** Access to the context propagation library. If {@link #PRESENT} is false, nothing else here may be used. */
    final class Propagation {

        static final boolean PRESENT = ClassUtils.isPresent(
                "io.micrometer.context.ContextSnapshotFactory", WaiterContext.class.getClassLoader());

        private Propagation() {}

        static WaiterContext capture() {
            ContextSnapshot snapshot = Snapshots.FACTORY.captureAll();
            // Needed on the same thread too: an event loop may have switched to another context.
            return action -> snapshot.wrap(action).run();
        }
    }

    /** Clears values that the waiter did not have. Otherwise the trace of the releasing thread would be used. */
    final class Snapshots {

        private static final ContextSnapshotFactory FACTORY =
                ContextSnapshotFactory.builder().clearMissing(true).build();

        private Snapshots() {}
    }
}
