// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.concurrent.CancellationException;
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
 *   <li>the canceller (or completer, or timer) comes first: it removes the waiter, nothing was granted, and then completes
 *       the future;
 *   <li>the grant comes first: the canceller completes the future with the permit on behalf of the granting thread, which
 *       may be late, and has lost.
 * </ul>
 *
 * <p>A thread that blocks in {@code get} or {@code join} depends on no other thread: it completes the future itself if a permit
 * was granted, and ends the wait itself if the engine's threads should have done so, but have not.
 */
final class PermitFuture extends AcquisitionFuture {

    private final DefaultKeyedLocker<?> locker;

    /** Null for a try, which waits for nobody but a backend. */
    private final @Nullable Duration waitTime;

    /** The place in the queue, null if there was no need for one. Written once, under the stripe. */
    private volatile @Nullable Waiter waiter;

    /** When the wait is to end, as {@link System#nanoTime()}. Written before {@link #timer}. */
    private long deadline;

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
        if (nanos == Long.MAX_VALUE || place.ifRefused != null) {
            return;
        }
        deadline = System.nanoTime() + nanos;
        try {
            timer = Background.schedule(this::timeOut, nanos);
        } catch (RuntimeException | Error e) {
            // No thread can be started that would end the wait, and nobody has the future yet who could.
            if (leaveQueue(RejectReason.CANCELLED)) {
                fail(e);
            }
            return;
        }
        if (isDone()) {
            cancelTimer();
        }
    }

    /** Completes the future of a waiter whose wait has ended. Harmless if others do so, too. */
    static void finish(Waiter waiter) {
        PermitFuture future = waiter.future;
        AcquireResult end = waiter.result;
        if (future == null) {
            throw new AssertionError("a thread's waiter");
        }
        if (end instanceof Hold permit) {
            try {
                waiter.ended(null);
            } finally {
                future.deliver(permit);
            }
        } else if (end instanceof RejectReason reason) {
            future.reject(waiter, waiter.entry.key, reason);
        }
        // Last: a caller that sets the timer only now sees that the future is complete, or else we see the timer.
        future.cancelTimer();
    }

    /** Tells the listeners that there is no permit, and completes the future with the exception. */
    void reject(@Nullable Waiter ended, Object key, RejectReason reason) {
        RejectReason told = reason.within(waitTime);
        try {
            if (ended == null) {
                locker.rejected(key, told);
            } else {
                ended.ended(told);
            }
        } finally {
            fail(failure(told, key, ended));
        }
    }

    private Throwable failure(RejectReason reason, Object key, @Nullable Waiter ended) {
        try {
            return locker.failure(reason, key, waitTime, ended);
        } catch (Throwable e) {
            // Foreign code may be asked for its message.
            return e;
        }
    }

    /**
     * Leaves the queue, or completes the future if a permit was granted already.
     *
     * @return whether this call has ended the wait
     */
    private boolean leaveQueue(RejectReason reason) {
        Waiter w = waiter;
        if (w == null || !w.leave(reason)) {
            help();
            return false;
        }
        cancelTimer();
        w.ended(reason);
        return true;
    }

    /** Completes the future if the permit is granted but the granting thread has not come to that yet. */
    private void help() {
        Waiter w = waiter;
        if (w != null && w.result instanceof Hold && !isDone()) {
            finish(w);
        }
    }

    /** On the timer's thread, where other waits end: foreign code, be it a listener's or the key's toString, runs elsewhere. */
    private void timeOut() {
        Waiter w = waiter;
        if (w == null || !w.timeOut(true)) {
            // Whoever has ended the wait completes the future.
            return;
        }
        Trampoline.deliverElsewhere(w);
    }

    /** On a thread that blocks for the permit, once the engine's threads should have completed this, but have not. */
    private void timeOutHere() {
        Waiter w = waiter;
        // If it was cancelled, the canceller completes it.
        if (w != null && (w.timeOut(false) || w.result != RejectReason.CANCELLED)) {
            finish(w);
        }
    }

    /** How long a thread that blocks leaves it to the engine's threads to complete this; {@link Long#MAX_VALUE} without end. */
    private long left() {
        return timer == null ? Long.MAX_VALUE : Math.max(0, deadline + Background.STUCK_NANOS - System.nanoTime());
    }

    /** Ends the wait, or closes the permit if it was granted already. */
    void undo() {
        if (!cancel(false) && !isCompletedExceptionally()) {
            join().close();
        }
    }

    private void cancelTimer() {
        Future<?> t = timer;
        if (t != null) {
            t.cancel(false);
        }
    }

    @Override
    void leaveQueue() {
        leaveQueue(RejectReason.CANCELLED);
    }

    @Override
    public Permit get() throws InterruptedException, ExecutionException {
        help();
        long left = left();
        if (left != Long.MAX_VALUE && !isDone()) {
            try {
                return super.get(left, TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                timeOutHere();
            }
        }
        return super.get();
    }

    @Override
    public Permit get(long timeout, TimeUnit unit) throws InterruptedException, ExecutionException, TimeoutException {
        help();
        long left = left();
        long nanos = unit.toNanos(timeout);
        if (nanos < left) {
            return super.get(timeout, unit);
        }
        try {
            return super.get(left, TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            timeOutHere();
            return super.get(nanos - left, TimeUnit.NANOSECONDS);
        }
    }

    @Override
    public Permit join() {
        boolean interrupted = false;
        try {
            while (!isDone()) {
                try {
                    get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException | CancellationException e) {
                    // Thrown below, as this method throws it.
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        return super.join();
    }
}
