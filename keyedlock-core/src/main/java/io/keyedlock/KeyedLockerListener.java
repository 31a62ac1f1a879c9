// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A listener to the events of lockers. Every method does nothing by default.
 *
 * <p>A listener is called by the thread that caused the event, outside all locks of the engine. It may use lockers itself, but
 * it delays that thread. Threads of the engine call {@link #longHold}, {@link #suspectedDeadlock} and {@link #leaseLost}, and
 * report the end of a future's wait if a time-out or a backend has ended it. An exception that a listener throws is logged and
 * has no other effect. A reentrant acquisition needs no further permit and is no event.
 *
 * <pre>{@code
 * KeyedLocker<String> orders = KeyedLocker.create(settings, new KeyedLockerListener() {
 *   @Override
 *   public void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
 *     alert(key, holder.threadName());
 *   }
 * });
 * }</pre>
 *
 * @since 0.1.0
 */
public interface KeyedLockerListener {

    /**
     * The outcome of an acquisition that ended without a permit.
     *
     * @since 0.1.0
     */
    enum Outcome {
        /** The wait time has passed. */
        TIMEOUT,
        /** The caller was rejected without waiting: the queue was full, or the call does not wait and found no free permit. */
        REJECTED,
        /** The waiting thread was interrupted. */
        INTERRUPTED,
        /** The future was cancelled or completed by its caller. */
        CANCELLED,
        /** The locker was closed, or rejects callers while the application shuts down. */
        CLOSED,
        /** The thread was chosen to break a cycle of threads that wait for each other. */
        DEADLOCK,
        /** The backend failed or did not answer in time. */
        BACKEND
    }

    /**
     * Returns the listener for one locker. Called once for each locker before it uses this listener, so that one listener can
     * serve several lockers and distinguish them.
     *
     * @param lockName the locker's name
     * @return the listener that the locker calls, by default this one; never null
     */
    default KeyedLockerListener forLocker(String lockName) {
        return this;
    }

    /**
     * The holds that are timed.
     *
     * @since 0.1.0
     */
    enum HoldTiming {
        /** None. The engine reads no clock for holds. */
        OFF,
        /** One hold in 16, selected at random. The engine reads the clock when a hold begins and at the end of a timed one. */
        SAMPLED,
        /** Each hold, which costs two clock readings. */
        EXACT
    }

    /**
     * Returns which holds are timed for {@link #released}.
     *
     * @return {@link HoldTiming#EXACT} by default; never null; called once per locker
     */
    default HoldTiming holdTiming() {
        return HoldTiming.EXACT;
    }

    /**
     * A listener to the end of one wait.
     *
     * @since 0.1.0
     */
    @FunctionalInterface
    interface Wait {

        /**
         * Called once when the wait has ended, after {@link #acquired} or {@link #notAcquired}.
         *
         * @param failure the outcome without a permit, or null if a permit was granted
         * @param waited how long the caller has waited
         */
        void ended(@Nullable Outcome failure, Duration waited);
    }

    /**
     * Called when a caller was enqueued, on its own thread. Not called for callers that need not wait.
     *
     * @param key the key
     * @param ahead the number of waiters that were in the queue already
     * @return the listener to notify when this wait ends, on any thread; or null
     */
    default @Nullable Wait waiting(Object key, int ahead) {
        return null;
    }

    /**
     * Called when a permit was granted.
     *
     * @param key the key
     * @param waited how long the caller has waited; zero if it did not wait
     */
    default void acquired(Object key, Duration waited) {}

    /**
     * Called when a permit was released, after the next waiters were woken, so that they do not wait for listeners. Events of
     * their threads, or of the callbacks of their futures, may therefore be reported first.
     *
     * @param key the key
     * @param held how long it was held, at least a nanosecond; zero if this hold was not timed, see {@link #holdTiming()}. If other
     *     listeners of the locker need more, more holds are timed than this one needs
     */
    default void released(Object key, Duration held) {}

    /**
     * Called when an acquisition ended without a permit.
     *
     * @param key the key
     * @param outcome the outcome
     * @param waited how long the caller has waited; zero if it did not wait
     */
    default void notAcquired(Object key, Outcome outcome, Duration waited) {}

    /**
     * Called when a permit has been held for longer than {@link KeyedLockerSettings#longHold()}, and still is. Called once per
     * hold, on a thread of the engine, for one hold of a locker after the other. A slow listener delays further reports of that
     * locker, but neither other lockers nor the deadlock search.
     *
     * @param key the key
     * @param holder the holder, with the time for which it is known to hold
     * @param stack the stack trace of its thread now, innermost frame first; empty if no thread owns the permit
     */
    default void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {}

    /**
     * Called when a future waits for a key while the thread that requested it is blocked and, directly or through other waiting
     * threads, prevents the key from being released. That is a deadlock if the thread is blocked until the future completes.
     * The engine cannot know that, so no acquisition fails. Called once, and logged as well, on a thread of the engine, unless
     * {@link KeyedLockerSettings#deadlockDetection()} is off.
     *
     * @param key the key that the future waits for
     * @param description which thread waits for which key, and which thread holds it; without keys if they are not to be shown
     * @param stacks the stack traces of the described threads now, in the same order, innermost frame first; of a long cycle
     *     only the first ones
     */
    default void suspectedDeadlock(Object key, String description, List<List<StackTraceElement>> stacks) {}

    /**
     * Called when the lease of a permit was lost while it was held, so that another process may hold the key now. Called by a
     * thread of the engine, possibly after the permit was released.
     *
     * @param key the key
     */
    default void leaseLost(Object key) {}
}
