// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Hears what happens in lockers. Every method does nothing by default.
 *
 * <p>A listener is called by the thread that caused the event, outside all locks of the engine, so that it may use
 * lockers itself; whatever it does delays that thread. Other threads tell of {@link #longHold}, {@link #suspectedDeadlock} and
 * {@link #leaseLost}, and of the end of a future's wait that a timer or a backend has ended. An exception that a listener throws is logged
 * and changes nothing. A re-entry takes no further permit and is no event.
 *
 * <pre>{@code
 * KeyedLocker<String> orders = KeyedLocker.create(settings, new KeyedLockerListener() {
 *   @Override
 *   public void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
 *     alert(key, holder.threadName());
 *   }
 * });
 * }</pre>
 */
public interface KeyedLockerListener {

    /** How an acquisition ended that was given no permit. */
    enum Outcome {
        /** The wait time has passed. */
        TIMEOUT,
        /** Turned away without waiting: a full queue, or a try that does not wait and found the key taken. */
        REJECTED,
        /** The waiting thread was interrupted. */
        INTERRUPTED,
        /** The future was cancelled or completed by its caller. */
        CANCELLED,
        /** The locker was closed, or refuses callers while the application shuts down. */
        CLOSED,
        /** The thread was the one chosen to break a cycle of threads that wait for each other. */
        DEADLOCK,
        /** The place where permits come from beyond this process failed. */
        BACKEND
    }

    /**
     * Called once for each locker that is about to use this listener, so that one listener can serve many lockers and still
     * tell them apart.
     *
     * @param lockName the locker's name
     * @return the listener that the locker calls, by default this one; never null
     */
    default KeyedLockerListener forLocker(String lockName) {
        return this;
    }

    /**
     * Whether {@link #released} wants to know how long the permit was held. If not, the engine reads no clock for holds and
     * passes zero.
     *
     * @return true by default; asked once per locker
     */
    default boolean timesHolds() {
        return true;
    }

    /** Who wants to know how one wait ends. */
    @FunctionalInterface
    interface Wait {

        /**
         * The wait has ended. Called once, after {@link #acquired} or {@link #notAcquired}.
         *
         * @param failure how it ended without a permit, or null if a permit was granted
         * @param waited how long the caller has waited
         */
        void ended(@Nullable Outcome failure, Duration waited);
    }

    /**
     * A caller has lined up, on the thread that asked. Not called for callers who need not wait.
     *
     * @param key the key
     * @param ahead how many were waiting for the key already
     * @return who is told when this very wait ends, on whichever thread that is; or null
     */
    default @Nullable Wait waiting(Object key, int ahead) {
        return null;
    }

    /**
     * A permit was granted.
     *
     * @param key the key
     * @param waited how long the caller has waited, zero if it did not
     */
    default void acquired(Object key, Duration waited) {}

    /**
     * A permit was released. Called after the waiters that get it were woken, as nobody waits for a listener: what their thread, or
     * the callback of their future, does may be reported first.
     *
     * @param key the key
     * @param held how long it was held, zero unless {@link #timesHolds()}
     */
    default void released(Object key, Duration held) {}

    /**
     * An acquisition ended without a permit.
     *
     * @param key the key
     * @param outcome how it ended
     * @param waited how long the caller has waited, zero if it did not
     */
    default void notAcquired(Object key, Outcome outcome, Duration waited) {}

    /**
     * A permit has been held for longer than {@link KeyedLockerSettings#longHold()}, and still is. Reported once per hold,
     * on a thread of the engine, one hold of a locker after the other: a listener that takes its time delays the
     * further reports of that locker, and neither other lockers nor the search for deadlocks.
     *
     * @param key the key
     * @param holder who holds it, and since when as far as seen
     * @param stack where its thread is now, innermost frame first; empty if no thread owns the permit
     */
    default void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {}

    /**
     * A future waits for a key while the thread that asked for it is blocked and, directly or through other threads that
     * wait, keeps the key from being released. That is a deadlock if the thread is blocked until the future completes, which
     * the engine cannot know; so nobody fails. Reported once, and logged as well, on a thread of the engine, unless
     * {@link KeyedLockerSettings#deadlockDetection()} is off.
     *
     * @param key the key that the future waits for
     * @param description which thread waits for which key, and who holds it; without keys if these are not to be shown
     * @param stacks where the threads of the description are now, in the same order, the innermost frame first; of a long
     *     cycle the first ones only
     */
    default void suspectedDeadlock(Object key, String description, List<List<StackTraceElement>> stacks) {}

    /**
     * A permit from beyond this process was lost while it was held: another process may be inside now. Called by a
     * thread of the engine, perhaps after the permit was given back.
     *
     * @param key the key
     */
    default void leaseLost(Object key) {}
}
