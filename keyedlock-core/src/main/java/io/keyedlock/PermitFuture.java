// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The future of a permit. Its {@link Waiter}, under the stripe, decides between a grant and whoever completes the future
 * from outside:
 *
 * <ul>
 *   <li>the canceller (or completer, or timer) comes first: it withdraws the waiter, nothing was granted, and then completes
 *       the future;
 *   <li>the grant comes first: the canceller completes the future with the permit on behalf of the granting thread, which
 *       may be late, and has lost.
 * </ul>
 */
final class PermitFuture extends AcquisitionFuture {

    private final DefaultKeyedLocker<?> locker;

    /** Null for a try, which waits for nobody but a backend. */
    private final @Nullable Duration waitTime;

    /** The place in the queue, null if there was no need for one. Written once, under the stripe. */
    private volatile @Nullable Waiter waiter;

    /** Ends the wait; null if it has no end. Written once by the thread that asked. */
    private volatile @Nullable Future<?> timer;

    PermitFuture(DefaultKeyedLocker<?> locker, @Nullable Duration waitTime) {
        this.locker = locker;
        this.waitTime = waitTime;
    }

    void linesUp(Waiter place) {
        waiter = place;
    }

    /** By the caller, once it has lined up. */
    void waits(Waiter place, long nanos) {
        place.begins();
        if (nanos == Long.MAX_VALUE || place.refusal != null) {
            return;
        }
        try {
            timer = Background.schedule(this::timeOut, nanos);
        } catch (RuntimeException | Error e) {
            // No thread can be started that would end the wait, and nobody has the future yet who could.
            if (withdraw(KeyedLockerListener.Outcome.CANCELLED)) {
                fail(e);
            }
            return;
        }
        if (isDone()) {
            cancelTimer();
        }
    }

    /** Completes the future of a waiter whose wait was ended by others: granted, refused, failed, or the locker closed. */
    static void finish(Waiter waiter) {
        PermitFuture future = waiter.future;
        if (future == null) {
            throw new AssertionError("a thread's waiter");
        }
        Hold permit = waiter.permit;
        if (permit != null) {
            waiter.ended(null);
            future.deliver(permit);
        } else {
            future.failWith(waiter, waiter.entry.key);
        }
        // Last: a caller who sets the timer only now sees that the future is complete, or else we see the timer.
        future.cancelTimer();
    }

    private void failWith(Waiter ended, Object key) {
        Answer.Refusal refusal = ended.refusal;
        if (ended.status == Waiter.BACKEND) {
            ended.ended(KeyedLockerListener.Outcome.BACKEND);
            fail(locker.backendFailure(key, ended.backendFailure));
        } else if (ended.status == Waiter.REFUSED && refusal != null) {
            ended.ended(
                    refusal == Answer.Refusal.TAKEN && waitTime != null
                            ? KeyedLockerListener.Outcome.TIMEOUT
                            : KeyedLockerListener.Outcome.REJECTED);
            fail(locker.failureOf(refusal, key, waitTime));
        } else {
            ended.ended(KeyedLockerListener.Outcome.CLOSED);
            fail(Messages.closed(locker.settings(), key));
        }
    }

    /**
     * Leaves the queue, or completes the future if a permit was granted already.
     *
     * @return whether this call has ended the wait
     */
    private boolean withdraw(KeyedLockerListener.Outcome outcome) {
        Waiter w = waiter;
        Left left = w == null ? null : leave(w, false);
        if (w == null || left == null) {
            help();
            return false;
        }
        cancelTimer();
        w.ended(outcome);
        if (left.aftermath() != null) {
            left.aftermath().carryOut();
        }
        return true;
    }

    /** The wait was ended by whoever got this. */
    private record Left(Stripe.@Nullable Aftermath aftermath) {}

    /** Takes the waiter out of the queue; returns null if its wait had ended before. */
    private static @Nullable Left leave(Waiter w, boolean timedOut) {
        if (w.status != Waiter.WAITING) {
            return null;
        }
        Stripe stripe = w.entry.stripe;
        stripe.lock();
        try {
            return w.status == Waiter.WAITING
                    ? new Left(stripe.leave(w, timedOut ? w.outcomeOfTimeOut() : Waiter.WITHDRAWN))
                    : null;
        } finally {
            stripe.unlock();
        }
    }

    /** Completes the future if the permit is granted but the granting thread has not come to that yet. */
    private void help() {
        Waiter w = waiter;
        if (w != null && w.status == Waiter.GRANTED && w.permit != null) {
            deliver(w.permit);
        }
    }

    /** On the timer's thread, where other waits end: foreign code, be it a listener's or the key's toString, runs elsewhere. */
    private void timeOut() {
        Waiter w = waiter;
        Left left = w == null ? null : leave(w, true);
        if (w == null || left == null) {
            // Whoever has ended the wait completes the future.
            return;
        }
        if (left.aftermath() != null) {
            left.aftermath().carryOutElsewhere();
        }
        defaultExecutor().execute(() -> {
            boolean silent = w.status == Waiter.BACKEND;
            w.ended(silent ? KeyedLockerListener.Outcome.BACKEND : KeyedLockerListener.Outcome.TIMEOUT);
            fail(
                    silent
                            ? locker.backendFailure(w.entry.key, null)
                            : locker.failureOf(Answer.Refusal.TAKEN, w.entry.key, waitTime));
        });
    }

    private void cancelTimer() {
        Future<?> t = timer;
        if (t != null) {
            t.cancel(false);
        }
    }

    @Override
    void withdraw() {
        withdraw(KeyedLockerListener.Outcome.CANCELLED);
    }

    @Override
    public Permit get() throws InterruptedException, ExecutionException {
        help();
        return super.get();
    }

    @Override
    public Permit get(long timeout, TimeUnit unit) throws InterruptedException, ExecutionException, TimeoutException {
        help();
        return super.get(timeout, unit);
    }

    @Override
    public Permit join() {
        help();
        return super.join();
    }
}
