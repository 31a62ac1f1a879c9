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
 * The future of one permit. A grant races with a completion from outside (cancellation, completion, time-out); the result of
 * the {@link Waiter}, set under the stripe's lock, decides:
 *
 * <ul>
 *   <li>The canceller wins: it removes the waiter from the queue, so nothing was granted, and then completes the future.
 *   <li>The grant wins: the canceller completes the future with the permit, because the granting thread may be late.
 * </ul>
 *
 * <p>A thread that blocks in {@code get} or {@code join} depends on no other thread: it completes the future itself if a permit
 * was granted, and ends the wait itself if the engine's threads are late.
 */
final class PermitFuture extends AcquisitionFuture {

    private final Engine locker;

    /** Null for a call that does not wait, except for the answer of a backend. */
    private final @Nullable Duration waitTime;

    /** The node in the queue; null if none was needed. Written once, under the stripe's lock. */
    private volatile @Nullable Waiter waiter;

    /** When the wait times out, as {@link System#nanoTime()}. Written before {@link #timer}. */
    private long deadline;

    /** The task that ends the wait; null if there is no time limit. Written once, by the requesting thread. */
    private volatile @Nullable Future<?> timer;

    private PermitFuture(Engine locker, @Nullable Duration waitTime) {
        this.locker = locker;
        this.waitTime = waitTime;
    }

    /**
     * Acquires a permit that no thread owns. Without a wait time, the call does not wait.
     *
     * @param admitted whether the caller is admitted even while new callers are rejected
     */
    static PermitFuture acquire(
            Engine locker, Object key, int hash, long nanos, @Nullable Duration waitTime, boolean admitted) {
        PermitFuture future = new PermitFuture(locker, waitTime);
        AcquireResult result = locker.attempt(key, hash, null, nanos, future, admitted);
        if (result == RejectReason.DRAINING && locker.holdsSomething(Thread.currentThread())) {
            result = locker.attempt(key, hash, null, nanos, future, true);
        }
        try {
            if (result instanceof Hold permit) {
                future.deliver(locker.acquiredAtOnce(permit));
            } else if (result instanceof RejectReason reason) {
                future.reject(null, key, reason);
            } else if (result instanceof Waiter waiter) {
                if (!admitted) {
                    recordRequester(waiter);
                }
                future.startWaiting(waiter, nanos);
            }
        } catch (Throwable e) {
            Engine.undo(result);
            throw e;
        }
        return future;
    }

    /**
     * Records the requesting thread for the deadlock search. Not called for the later keys of a multi-key call: they are
     * acquired on threads that do not wait for them.
     */
    private static void recordRequester(Waiter waiter) {
        waiter.requester = Thread.currentThread();
        if (waiter.result != null) {
            waiter.requester = null;
        }
    }

    void setWaiter(Waiter enqueued) {
        waiter = enqueued;
    }

    /** Notifies the listeners of the wait and schedules its time-out. Called by the requesting thread after it was enqueued. */
    private void startWaiting(Waiter enqueued, long nanos) {
        enqueued.reportBegin();
        if (nanos == Long.MAX_VALUE || enqueued.ifRejected != null) {
            return;
        }
        deadline = System.nanoTime() + nanos;
        try {
            timer = Background.schedule(this::timeOut, nanos);
        } catch (RuntimeException | Error e) {
            // No thread can be started that would end the wait, and no caller has the future yet.
            if (leaveQueue()) {
                fail(e);
            }
            return;
        }
        if (isDone()) {
            cancelTimer();
        }
    }

    /** Completes the future of a waiter whose wait has ended. Harmless if other threads do so, too. */
    static void finish(Waiter waiter) {
        PermitFuture future = waiter.future;
        AcquireResult end = waiter.result;
        if (future == null) {
            throw new AssertionError("a thread's waiter");
        }
        if (end instanceof Hold permit) {
            try {
                waiter.reportEnd(null);
            } finally {
                future.deliver(permit);
            }
        } else if (end instanceof RejectReason reason) {
            future.reject(waiter, waiter.entry.key, reason);
        }
        // Last: either this sees the timer, or the caller that sets the timer later sees that the future is complete.
        future.cancelTimer();
    }

    /** Notifies the listeners that there is no permit, and completes the future with the exception. */
    private void reject(@Nullable Waiter ended, Object key, RejectReason rejection) {
        RejectReason reason = rejection.within(waitTime);
        try {
            if (ended == null) {
                locker.reportRejected(key, reason);
            } else {
                ended.reportEnd(reason);
            }
        } finally {
            fail(failure(reason, key, ended));
        }
    }

    private Throwable failure(RejectReason reason, Object key, @Nullable Waiter ended) {
        try {
            return Messages.failure(locker, reason, key, waitTime, ended);
        } catch (Throwable e) {
            // Creating the message may call foreign code.
            return e;
        }
    }

    @Override
    boolean leaveQueue() {
        Waiter w = waiter;
        if (w == null || !w.cancel()) {
            completeIfGranted();
            return false;
        }
        cancelTimer();
        w.reportEnd(RejectReason.CANCELLED);
        return true;
    }

    /** Completes the future if the permit was granted but the granting thread has not completed it yet. */
    private void completeIfGranted() {
        Waiter w = waiter;
        if (w != null && w.result instanceof Hold && !isDone()) {
            finish(w);
        }
    }

    /**
     * Times out on the timer thread. Foreign code (listeners, the key's {@code toString}) runs on a callback thread instead.
     */
    private void timeOut() {
        Waiter w = waiter;
        if (w == null || !w.timeOut(true)) {
            // The thread that has ended the wait completes the future.
            return;
        }
        Trampoline.completeOffThread(w);
    }

    /** Times out on a thread that blocks for the permit, because the engine's threads are late. */
    private void timeOutHere() {
        Waiter w = waiter;
        // If it was cancelled, the canceller completes it.
        if (w != null && (w.timeOut(false) || w.result != RejectReason.CANCELLED)) {
            finish(w);
        }
    }

    /**
     * Returns how long a blocked thread waits for the engine's threads to complete this future; {@link Long#MAX_VALUE} without
     * a time limit.
     */
    private long nanosToTimeOutHere() {
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
    public Permit get() throws InterruptedException, ExecutionException {
        completeIfGranted();
        long remaining = nanosToTimeOutHere();
        if (remaining != Long.MAX_VALUE && !isDone()) {
            try {
                return super.get(remaining, TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                timeOutHere();
            }
        }
        return super.get();
    }

    @Override
    public Permit get(long timeout, TimeUnit unit) throws InterruptedException, ExecutionException, TimeoutException {
        completeIfGranted();
        long remaining = nanosToTimeOutHere();
        long nanos = unit.toNanos(timeout);
        if (nanos < remaining) {
            return super.get(timeout, unit);
        }
        try {
            return super.get(remaining, TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            timeOutHere();
            return super.get(nanos - remaining, TimeUnit.NANOSECONDS);
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
                    // Thrown by join below, in its own form.
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
