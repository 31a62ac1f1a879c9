// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.micrometer.context.ContextSnapshot;
import io.micrometer.context.ContextSnapshotFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.util.ClassUtils;

/**
 * What the thread of a caller knows besides its arguments, such as who is logged in, for a body that runs on another thread.
 * Nothing, where Micrometer's context propagation is not there.
 */
interface CallerContext {

    /** Runs something on this thread as if it were the caller's, and undoes that afterwards. */
    void run(Runnable body);

    /**
     * Looks at the current thread.
     *
     * @param reactive the Reactor context of the subscriber, whose values go first; null where there is none
     */
    static CallerContext capture(@Nullable Object reactive) {
        return Micrometer.PRESENT ? Micrometer.capture(reactive) : Runnable::run;
    }

    /** A time in which a thread has the context of a caller. */
    interface Scope extends AutoCloseable {

        @Override
        void close();
    }

    /**
     * Gives this thread what the Reactor context of a subscriber carries, as listeners look for it there. The rest of what the thread
     * has stays, as it may be the subscriber's too.
     *
     * @param reactive the Reactor context
     */
    static Scope enter(Object reactive) {
        return Micrometer.PRESENT ? Micrometer.enter(reactive) : () -> {};
    }

    /** Nothing but {@link #PRESENT} may be touched where it is false. */
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

    /** What is missing is cleared: the thread that runs a body may have been given the context of who released the lock. */
    final class Snapshots {

        private static final ContextSnapshotFactory FACTORY =
                ContextSnapshotFactory.builder().clearMissing(true).build();

        private static final ContextSnapshotFactory CARRIED =
                ContextSnapshotFactory.builder().build();

        private Snapshots() {}
    }
}
