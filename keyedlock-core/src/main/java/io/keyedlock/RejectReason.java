// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import io.keyedlock.KeyedLockerListener.Outcome;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Why an acquisition ended without a permit, at once or after a wait. */
enum RejectReason implements AcquireResult {
    /** No permit is available, and the caller does not wait. */
    UNAVAILABLE(Outcome.REJECTED, false),
    /** No permit is available, and the queue is full. */
    QUEUE_FULL(Outcome.REJECTED, false),
    /** The caller's thread holds the key, and the locker is not reentrant. */
    REENTRY(Outcome.REJECTED, false),
    /** The locker accepts no new callers for the time being. */
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

    /** What listeners are told. */
    final Outcome outcome;

    /** Whether a try throws; otherwise it is empty. */
    final boolean failsTries;

    RejectReason(Outcome outcome, boolean failsTries) {
        this.outcome = outcome;
        this.failsTries = failsTries;
    }

    /** The reason as its caller sees it, for which a wait time of zero is a wait: null for a try that does not wait. */
    RejectReason within(@Nullable Duration waitTime) {
        return this == UNAVAILABLE && waitTime != null ? TIMED_OUT : this;
    }
}
