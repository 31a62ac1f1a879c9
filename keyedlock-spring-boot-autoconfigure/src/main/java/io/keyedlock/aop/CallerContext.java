// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.micrometer.context.ContextSnapshot;
import io.micrometer.context.ContextSnapshotFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.util.ClassUtils;

/**
 * The thread-bound context of a caller, such as its security context, for a body that runs on another thread. Empty without
 * Micrometer's context propagation.
 */
interface CallerContext {

    /** Runs a body on this thread in the caller's context, and restores this thread's context afterwards. */
    void run(Runnable body);

    /**
     * Captures the context of the current thread.
     *
     * @param reactive the Reactor context of the subscriber, whose values take precedence; null if there is none
     */
    static CallerContext capture(@Nullable Object reactive) {
        return Micrometer.PRESENT ? Micrometer.capture(reactive) : Runnable::run;
    }

    /** A period during which a thread has the context of a caller. */
    interface Scope extends AutoCloseable {

        @Override
        void close();
    }

    /**
     * Sets the values that the Reactor context of a subscriber carries on this thread, where listeners look for them.
     * All other values of the thread stay, as they may be the subscriber's too.
     *
     * @param reactive the Reactor context
     */
    static Scope enter(Object reactive) {
        return Micrometer.PRESENT ? Micrometer.enter(reactive) : () -> {};
    }

    /** Access to Micrometer. If {@link #PRESENT} is false, no other member may be used. */
    final class Micrometer {

        static final boolean PRESENT = ClassUtils.isPresent(
                "io.micrometer.context.ContextSnapshotFactory", CallerContext.class.getClassLoader());

        private Micrometer() {}

        static CallerContext capture(@Nullable Object reactive) {
            ContextSnapshot snapshot =
                    reactive == null ? Snapshots.FACTORY.captureAll() : Snapshots.FACTORY.captureAll(reactive);
            return body -> snapshot.wrap(body).run();
        }

        static Scope enter(Object reactive) {
            return Snapshots.CARRIED.setThreadLocalsFrom(reactive)::close;
        }
    }

    /**
     * The snapshot factories. For a body, values that the caller does not have are cleared: the thread may still have
     * the context of the caller that released the lock.
     */
    final class Snapshots {

        private static final ContextSnapshotFactory FACTORY =
                ContextSnapshotFactory.builder().clearMissing(true).build();

        private static final ContextSnapshotFactory CARRIED =
                ContextSnapshotFactory.builder().build();

        private Snapshots() {}
    }
}
