// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The way of a thread from an {@link Answer} that is not simply a fresh permit to a permit, null or an exception. */
record Conclusion(DefaultKeyedLocker<?> locker, Object key, int hash, Thread me, long nanos) {

    /** For acquisitions: whatever is not a permit is an exception. */
    Permit permitOrFailure(Answer first, Duration waitTime, boolean interruptible) throws InterruptedException {
        Answer answer = admit(first);
        if (answer instanceof Permit permit) {
            return told(permit);
        }
        if (answer instanceof Answer.Refusal refusal) {
            locker.tellRefused(refusal, key, KeyedLockerListener.Outcome.TIMEOUT);
            throw locker.failureOf(refusal, key, waitTime);
        }
        Waiter waiter = (Waiter) answer;
        Permit permit = await(waiter, interruptible, KeyedLockerListener.Outcome.TIMEOUT);
        if (permit == null) {
            throw waiter.refusal == null
                    ? Messages.timeout(locker.settings(), key, waitTime)
                    : locker.failureOf(waiter.refusal, key, waitTime);
        }
        return permit;
    }

    /** For tries: no permit is null, and only a closed locker is an exception. */
    @Nullable
    Permit permitOrNull(Answer first, KeyedLockerListener.Outcome whenTaken) throws InterruptedException {
        Answer answer = admit(first);
        if (answer instanceof Permit permit) {
            return told(permit);
        }
        if (answer instanceof Answer.Refusal refusal) {
            locker.tellRefused(refusal, key, whenTaken);
            if (refusal == Answer.Refusal.CLOSED || refusal == Answer.Refusal.DRAINING) {
                throw locker.failureOf(refusal, key, Duration.ofNanos(nanos));
            }
            return null;
        }
        // A caller who does not wait awaits the backend's answer alone, which comes in any case.
        return await((Waiter) answer, nanos != 0, whenTaken);
    }

    private Answer admit(Answer answer) {
        return answer == Answer.Refusal.DRAINING && locker.holdsSomething(me)
                ? locker.ask(key, hash, me, nanos, null, true)
                : answer;
    }

    private Permit told(Permit permit) {
        return permit instanceof Hold hold ? locker.granted(hold) : permit;
    }

    /** Returns null if the time has passed, or if the backend had no permit for a caller who does not wait. */
    private @Nullable Permit await(Waiter waiter, boolean interruptible, KeyedLockerListener.Outcome whenTaken)
            throws InterruptedException {
        waiter.begins();
        int outcome;
        try {
            outcome = waiter.await(waiter.refusal == null ? nanos : Long.MAX_VALUE, interruptible);
        } catch (InterruptedException e) {
            waiter.ended(KeyedLockerListener.Outcome.INTERRUPTED);
            throw e;
        }
        return switch (outcome) {
            case Waiter.GRANTED -> {
                waiter.ended(null);
                yield waiter.permit;
            }
            case Waiter.WITHDRAWN -> {
                waiter.ended(KeyedLockerListener.Outcome.TIMEOUT);
                yield null;
            }
            case Waiter.REFUSED -> {
                waiter.ended(waiter.refusal == Answer.Refusal.TAKEN ? whenTaken : KeyedLockerListener.Outcome.REJECTED);
                yield null;
            }
            case Waiter.BACKEND -> {
                waiter.ended(KeyedLockerListener.Outcome.BACKEND);
                throw locker.backendFailure(key, waiter.backendFailure);
            }
            case Waiter.DEADLOCK -> {
                waiter.ended(KeyedLockerListener.Outcome.DEADLOCK);
                throw new LockDeadlockException(locker.name(), key, String.valueOf(waiter.deadlock));
            }
            default -> {
                waiter.ended(KeyedLockerListener.Outcome.CLOSED);
                throw Messages.closed(locker.settings(), key);
            }
        };
    }
}
