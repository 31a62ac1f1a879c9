// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import io.keyedlock.KeyedLockerListener.Outcome;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The reason why an acquisition ended without a permit, at once or after a wait. */
enum RejectReason implements AcquireResult {
    /** No permit is available, and the caller does not wait. */
    UNAVAILABLE(Outcome.REJECTED, false),
    /** No permit is available, and the queue is full. */
    QUEUE_FULL(Outcome.REJECTED, false),
    /** The caller's thread holds the key, and the locker is not reentrant. */
    REENTRY(Outcome.REJECTED, false),
    /** The locker is draining and accepts no new callers. */
    DRAINING(Outcome.CLOSED, true),
    /** The locker is closed. */
    CLOSED(Outcome.CLOSED, true),
    /** The wait time has passed. */
    TIMED_OUT(Outcome.TIMEOUT, false),
    /** The waiting thread was interrupted. */
    INTERRUPTED(Outcome.INTERRUPTED, true),
    /** The future was cancelled or completed by its caller, or the caller failed while it waited. */
    CANCELLED(Outcome.CANCELLED, true),
    /** Chosen to break a cycle of threads that wait for each other; {@link Waiter#deadlock} describes it. */
    DEADLOCK(Outcome.DEADLOCK, true),
    /** The backend failed or did not answer in time; {@link Waiter#backendFailure} is the cause, if that is known. */
    BACKEND(Outcome.BACKEND, true);

    /** The outcome that is reported to listeners. */
    final Outcome outcome;

    /** Whether {@code tryAcquire} throws an exception. Otherwise it returns empty. */
    final boolean failsTries;

    RejectReason(Outcome outcome, boolean failsTries) {
        this.outcome = outcome;
        this.failsTries = failsTries;
    }

    /**
     * Returns the reason that is reported to the caller: a call with a wait time, even zero, times out.
     *
     * @param waitTime null for a call that does not wait
     */
    RejectReason within(@Nullable Duration waitTime) {
        return this == UNAVAILABLE && waitTime != null ? TIMED_OUT : this;
    }
}
