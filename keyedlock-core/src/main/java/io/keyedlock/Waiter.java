// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One node in the queue of a key: a waiting thread or future. See {@link Engine} for the queue and the races.
 *
 * <p>{@link #result} is set once, under the stripe's lock, in one step with leaving the queue. Setting it decides the race
 * between grant, time-out, interrupt, cancellation and close. The other fields are guarded by the stripe's lock unless stated
 * otherwise.
 *
 * <p>Between entering the queue and {@link #parkUntilOver}, and after a signal was sent, a waiting thread runs foreign code (listeners,
 * loggers, class loaders). That code may park and so consume the {@code unpark} of a signal or a grant. Hence, after the
 * last foreign code, a thread checks that it is neither signalled nor granted before it parks: no foreign code can consume an
 * unpark that comes later. Whatever foreign code throws, {@link #abandon} leaves nothing behind.
 */
final class Waiter implements AcquireResult {

    private static final VarHandle OBSERVER =
            Statics.handle(MethodHandles.lookup(), "observer", KeyedLockerListener.Wait.class);

    private static final KeyedLockerListener.Wait REPORTED = (failure, waited) -> {};

    /** The time since a thread became head for which newcomers that find a permit free may overtake it. */
    static final long BYPASS_NANOS = 1_000_000;

    /**
     * The time for which newcomers may overtake a head that was signalled but has not run since. Longer, because a permit that
     * is handed to it is unused until it runs.
     */
    static final long BYPASS_OF_SIGNALLED_NANOS = 10_000_000;

    /** The number of attempts to unpark a thread. */
    private static final int UNPARK_ATTEMPTS = 1000;

    private static final long UNPARK_LATER_NANOS = 1_000_000;

    /** The number of times that a woken thread checks for a free permit before it parks again. */
    private static final int SPINS = SpinLock.SPINS == 0 ? 0 : 3;

    /**
     * The number of pauses between two checks, a few microseconds in total. Each check takes the cache lines that it reads away
     * from the running thread, whose short critical sections are fastest when left alone.
     */
    private static final int PAUSES_PER_SPIN = 128;

    final Entry entry;

    /** The waiting thread; null if {@link #future} waits. */
    final @Nullable Thread thread;

    final @Nullable PermitFuture future;

    /**
     * The thread that requested a future's permit. Null if unknown, or if the future is not in the queue. Set without a lock.
     */
    volatile @Nullable Thread requester;

    /** The number of waiters that were in the queue before this one. */
    final int ahead;

    /** When the wait began. */
    final long since;

    /** The permit that this waiter will be granted. Created in advance, so that a release needs no memory. */
    final ExtraHold hold;

    /** How the wait has ended: {@link #hold}, or a reason; null while waiting. Written once, under the stripe's lock. */
    volatile @Nullable AcquireResult result;

    /** The cause if {@link #result} is {@link RejectReason#BACKEND}. Written before it. */
    @Nullable
    Throwable backendFailure;

    /** The cycle if {@link #result} is {@link RejectReason#DEADLOCK}. Written before it. */
    @Nullable
    DeadlockCycle deadlock;

    /** The result for a caller that does not wait, if the backend has no permit. Null for a caller that waits. */
    final @Nullable RejectReason ifRejected;

    /** The request to send if this waiter is the first to need one. Null in a locker without a backend. */
    @Nullable
    BackendRequest request;

    @Nullable
    Waiter previous;

    @Nullable
    Waiter next;

    /**
     * Links waiters whose wait was ended in one step. Written under the stripe's lock, then only by the thread that ended it.
     */
    @Nullable
    Waiter nextDone;

    /**
     * Whether this thread was signalled that a permit is free and has not checked since. Written under the stripe's lock, read
     * by the thread.
     */
    volatile boolean signalled;

    /** When this became the head of the queue, or 0 before. */
    long headSince;

    /** Whether a deadlock that includes this waiter was logged. Used by the scanning thread only. */
    boolean reported;

    /** How the wait ended. Written before {@link #observer} becomes {@link #REPORTED}. */
    private KeyedLockerListener.@Nullable Outcome failure;

    /** The listener to notify of the end; {@link #REPORTED} after the end. Changed by compare-and-set. */
    volatile KeyedLockerListener.@Nullable Wait observer;

    Waiter(
            Entry entry,
            @Nullable Thread thread,
            @Nullable PermitFuture future,
            ExtraHold hold,
            int ahead,
            long since,
            @Nullable RejectReason ifRejected) {
        this.entry = entry;
        this.thread = thread;
        this.future = future;
        this.hold = hold;
        this.ahead = ahead;
        this.since = since;
        this.ifRejected = ifRejected;
    }

    /** Notifies the listeners that this wait has begun. Called by the caller that was enqueued, with no lock held. */
    void reportBegin() {
        KeyedLockerListener.Wait event = WaitEvent.begin(this);
        CompositeListener listeners = entry.stripe.locker.listeners;
        KeyedLockerListener.Wait listener = listeners == null ? null : listeners.waiting(this);
        KeyedLockerListener.Wait both;
        try {
            both = combine(listener, event);
        } catch (Throwable e) {
            notifyEnd(listener, KeyedLockerListener.Outcome.CANCELLED, Duration.ZERO);
            throw e;
        }
        if (both != null && !OBSERVER.compareAndSet(this, null, both)) {
            // The future was completed before its caller arrived here.
            notifyEnd(both, failure, Duration.ZERO);
        }
    }

    /** Notifies the listeners, once, that this wait has ended. Called by the thread that completes it, with no lock held. */
    void reportEnd(@Nullable RejectReason reason) {
        KeyedLockerListener.Outcome failure = reason == null ? null : reason.outcome;
        CompositeListener listeners = entry.stripe.locker.listeners;
        this.failure = failure;
        KeyedLockerListener.Wait last = (KeyedLockerListener.Wait) OBSERVER.getAndSet(this, REPORTED);
        if (last == REPORTED) {
            return;
        }
        if (listeners != null || last != null) {
            Duration waited = Duration.ofNanos(Math.max(0, entry.stripe.locker.clock.nanoTime() - since));
            if (listeners != null) {
                listeners.waited(this, failure, waited);
            }
            notifyEnd(last, failure, waited);
        }
    }

    KeyedLockerListener.@Nullable Wait combine(
            KeyedLockerListener.@Nullable Wait first, KeyedLockerListener.@Nullable Wait second) {
        if (first == null || second == null) {
            return first == null ? second : first;
        }
        return (failure, waited) -> {
            notifyEnd(first, failure, waited);
            notifyEnd(second, failure, waited);
        };
    }

    private void notifyEnd(
            KeyedLockerListener.@Nullable Wait observer,
            KeyedLockerListener.@Nullable Outcome failure,
            Duration waited) {
        if (observer != null) {
            try {
                observer.ended(failure, waited);
            } catch (Throwable e) {
                Messages.listenerFailed(entry.stripe.locker.settings, "ended", e);
            }
        }
    }

    /** Returns the result of this wait if its time has passed. Called under the stripe's lock. */
    private RejectReason timeoutReason() {
        BackendKey backendKey = entry.contended().backendKey;
        return backendKey != null && backendKey.isUnanswered() ? RejectReason.BACKEND : RejectReason.TIMED_OUT;
    }

    /** Returns whether newcomers have overtaken this head for so long that the next free permit is handed to it. */
    boolean isOverdue(long now) {
        return headSince != 0 && now - headSince >= (signalled ? BYPASS_OF_SIGNALLED_NANOS : BYPASS_NANOS);
    }

    /**
     * Unparks the thread. If that fails for want of a system resource, retries, finally on another thread: no other thread
     * would unpark it, and the current thread has others to unpark.
     */
    @SuppressWarnings("ThreadPriorityCheck") // other threads may free what is missing
    void unparkThread() {
        for (int attempt = 1; ; attempt++) {
            try {
                LockSupport.unpark(thread);
                return;
            } catch (Throwable e) {
                if (attempt == UNPARK_ATTEMPTS) {
                    unparkLater();
                    return;
                }
                Thread.yield();
            }
        }
    }

    private void unparkLater() {
        try {
            Background.schedule(this::unparkThread, UNPARK_LATER_NANOS);
        } catch (Throwable e) {
            // Neither memory nor a thread is left. A timed wait ends by itself. Once enough newcomers have overtaken a
            // signalled head, it is handed the permit and unparked again.
        }
    }

    /**
     * Ends a wait whose caller fails: leaves the queue, or releases the permit that was granted meanwhile. Called with no lock
     * held.
     */
    void abandon() {
        try {
            if (!cancel() && result instanceof Hold granted) {
                granted.close();
            }
        } finally {
            reportEnd(RejectReason.CANCELLED);
        }
    }

    /** Leaves the queue. Returns false if the wait had ended before. Called with no lock held. */
    boolean cancel() {
        return leave(RejectReason.CANCELLED, false);
    }

    /**
     * Leaves the queue because the wait time has passed. Returns false if the wait had ended before. Called with no lock held.
     *
     * @param offThread whether foreign code must not run on this thread
     */
    boolean timeOut(boolean offThread) {
        return leave(null, offThread);
    }

    private boolean leave(@Nullable RejectReason reason, boolean offThread) {
        Stripe stripe = entry.stripe;
        Headroom.checkForSection();
        stripe.lock();
        if (result != null) {
            stripe.unlock();
            return false;
        }
        stripe.cancelAndUnlock(this, reason == null ? timeoutReason() : reason, offThread);
        return true;
    }

    /**
     * Waits in the queue, on the current thread. Notifies the listeners if a permit was granted, but not of a reason.
     *
     * @param nanos how long to wait; {@link Long#MAX_VALUE} waits without limit
     * @param interruptible whether an interrupt ends the wait; if not, the flag is set again on return
     * @return {@link #result}; if an interrupt has ended the wait, the flag is still set
     */
    AcquireResult await(long nanos, boolean interruptible) {
        try {
            reportBegin();
            AcquireResult end = parkUntilOver(ifRejected == null ? nanos : Long.MAX_VALUE, interruptible);
            if (end instanceof Hold) {
                entry.stripe.locker.noteHolder(Thread.currentThread());
                reportEnd(null);
            }
            return end;
        } catch (Throwable e) {
            abandon();
            throw e;
        }
    }

    private AcquireResult parkUntilOver(long nanos, boolean interruptible) {
        Clock clock = entry.stripe.locker.clock;
        boolean interrupted = false;
        long now = since;
        try {
            AcquireResult end = result;
            while (end == null) {
                if (!signalled) {
                    if (nanos == Long.MAX_VALUE) {
                        clock.park(this);
                    } else if (now - since < nanos) {
                        clock.parkNanos(this, nanos - (now - since));
                    }
                }
                spin();
                if (result == null) {
                    boolean cancelled = interruptible && Thread.currentThread().isInterrupted();
                    now = clock.nanoTime();
                    acquireOrLeave(cancelled, now - since >= nanos);
                    if (!interruptible && Thread.interrupted()) {
                        interrupted = true;
                    }
                }
                end = result;
            }
            return end;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Acquires a free permit as the head, or else leaves the queue if the wait is over, or else clears the signal. */
    private void acquireOrLeave(boolean interrupted, boolean timedOut) {
        Stripe stripe = entry.stripe;
        ContendedState contended = entry.contended();
        stripe.lock();
        if (result != null) {
            stripe.unlock();
        } else if (canAcquire(contended)) {
            acquireAndUnlock(contended);
        } else if (interrupted) {
            stripe.cancelAndUnlock(this, RejectReason.INTERRUPTED, false);
        } else if (timedOut) {
            stripe.cancelAndUnlock(this, timeoutReason(), false);
        } else {
            signalled = false;
            stripe.unlock();
        }
    }

    /**
     * Spins briefly before parking, with the signal still set: while this thread is awake, a release need not wake it. The
     * check without the lock is only a hint; the permit is acquired under the lock.
     */
    private void spin() {
        Stripe stripe = entry.stripe;
        ContendedState contended = entry.contended();
        for (int spin = 0; spin < SPINS && result == null; spin++) {
            if (canAcquire(contended) && stripe.tryLock()) {
                if (canAcquire(contended)) {
                    acquireAndUnlock(contended);
                } else {
                    stripe.unlock();
                }
            } else {
                for (int i = 0; i < PAUSES_PER_SPIN && result == null; i++) {
                    Thread.onSpinWait();
                }
            }
        }
    }

    private boolean canAcquire(ContendedState contended) {
        // With a backend, the head is handed a permit together with a lease.
        return contended.backendKey == null && contended.head == this && contended.holdCount < contended.limit();
    }

    /** Acquires a free permit as the head. Called under the stripe's lock, which is free on return. */
    private void acquireAndUnlock(ContendedState contended) {
        hold.since = entry.stripe.locker.holdStart();
        contended.grant(this);
        entry.stripe.handOffAndUnlock(entry, null, null, false);
    }

    /** Returns the text that a thread dump shows as the reason for parking. */
    @Override
    public String toString() {
        return "Waiter[" + Messages.describe(entry) + "]";
    }
}
