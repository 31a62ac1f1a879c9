// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * One place in the queue of a key, of a thread or of a future.
 *
 * <p>{@link #result} is set once, under the stripe; who sets it has decided the race between grant, time-out, interrupt,
 * cancellation and close, and has taken the waiter out of the queue in the same step. The other fields are guarded by the
 * stripe where not said otherwise.
 *
 * <p>Between lining up and {@link #await}, and while a signal is on its way, a waiting thread runs foreign code (listeners,
 * loggers, class loaders), which may park and so consume the {@code unpark} of a signal or a grant. Hence a thread parks only
 * if it has seen, after the last foreign code, that it is neither signalled nor granted: an unpark that comes later finds its
 * permit to park untouched. Whatever foreign code throws, {@link #abandon} leaves nothing behind.
 */
final class Waiter implements AcquireResult {

    private static final VarHandle OBSERVER =
            Statics.handle(MethodHandles.lookup(), "observer", KeyedLockerListener.Wait.class);

    private static final KeyedLockerListener.Wait TOLD = (failure, waited) -> {};

    /** For how long, since it became head, newcomers that find a permit free may pass a thread. */
    static final long BYPASS_NANOS = 1_000_000;

    /**
     * For how long newcomers may pass a head that was signalled but has not run since. Longer, as a permit that is handed to it
     * meanwhile is used by nobody.
     */
    static final long BYPASS_OF_SIGNALLED_NANOS = 10_000_000;

    /** How often waking a thread is attempted. */
    private static final int UNPARK_ATTEMPTS = 1000;

    private static final long UNPARK_LATER_NANOS = 1_000_000;

    /** How often a thread that was woken looks for a free permit before it parks again. */
    private static final int LOOKS = SpinLock.SPINS == 0 ? 0 : 3;

    /**
     * How often it pauses between two looks, a few microseconds in all. Each look takes the cache lines that it reads from
     * the thread that runs; left alone, that one does its short sections at full speed, and is through with them.
     */
    private static final int PAUSES = 128;

    final Entry entry;

    /** Who waits: a thread, or else {@link #future}. */
    final @Nullable Thread thread;

    final @Nullable PermitFuture future;

    /** The thread that asked for a future's permit, while the future is in the queue and if that thread is known. */
    volatile @Nullable Thread asker;

    /** How many stood in the queue before. */
    final int ahead;

    /** When the wait began. */
    final long since;

    /** The permit that this waiter is granted if it is. Made beforehand, so that a release needs no memory. */
    final ExtraHold hold;

    /** How the wait has ended: {@link #hold}, or a reason; null while it has not. Written once, under the stripe. */
    volatile @Nullable AcquireResult result;

    /** The cause where {@link #result} is {@link RejectReason#BACKEND}; written before it. */
    @Nullable
    Throwable backendFailure;

    /** Describes the cycle when asked for its text, where {@link #result} is {@link RejectReason#DEADLOCK}; written before it. */
    @Nullable
    Object deadlock;

    /** The result of a caller that does not wait, if the backend has no permit; null for one that waits. */
    final @Nullable RejectReason ifRefused;

    /** A request that this waiter sends if it is the first to need one; null in a locker without a backend. */
    @Nullable
    BackendRequest request;

    @Nullable
    Waiter previous;

    @Nullable
    Waiter next;

    /** Next of those whose wait was ended in one step. Written under the stripe, then only by who ended it. */
    @Nullable
    Waiter nextDone;

    /** A free permit was announced to this thread, which has not looked since. Written under the stripe, read by the thread. */
    volatile boolean signalled;

    /** When this became the head of the queue, or 0 before. */
    long headSince;

    /** A deadlock with this waiter in it was logged. Used by the scanning thread only. */
    boolean reported;

    /** How the wait ended. Written before {@link #observer} becomes {@link #TOLD}. */
    private KeyedLockerListener.@Nullable Outcome failure;

    /** Who is told of the end; {@link #TOLD} once it has come. Changed by compare-and-set. */
    volatile KeyedLockerListener.@Nullable Wait observer;

    Waiter(
            Entry entry,
            @Nullable Thread thread,
            @Nullable PermitFuture future,
            ExtraHold hold,
            int ahead,
            long since,
            @Nullable RejectReason ifRefused) {
        this.entry = entry;
        this.thread = thread;
        this.future = future;
        this.hold = hold;
        this.ahead = ahead;
        this.since = since;
        this.ifRefused = ifRefused;
    }

    /** Tells those who want to know of this wait that it has begun. By the caller who lined up, with no lock held. */
    void begins() {
        KeyedLockerListener.Wait recorded = WaitEvent.begin(this);
        CompositeListener events = entry.stripe.locker.events();
        KeyedLockerListener.Wait told = events == null ? null : events.waiting(this);
        KeyedLockerListener.Wait both;
        try {
            both = both(told, recorded);
        } catch (Throwable e) {
            tell(told, KeyedLockerListener.Outcome.CANCELLED, Duration.ZERO);
            throw e;
        }
        if (both != null && !OBSERVER.compareAndSet(this, null, both)) {
            // A future that was completed before its caller came to this.
            tell(both, failure, Duration.ZERO);
        }
    }

    /** Tells of the end of this wait. Once, by whoever completes it towards the caller, with no lock held. */
    void ended(@Nullable RejectReason reason) {
        KeyedLockerListener.Outcome failure = reason == null ? null : reason.outcome;
        CompositeListener events = entry.stripe.locker.events();
        this.failure = failure;
        KeyedLockerListener.Wait told = (KeyedLockerListener.Wait) OBSERVER.getAndSet(this, TOLD);
        if (told == TOLD) {
            return;
        }
        if (events != null || told != null) {
            Duration waited = Duration.ofNanos(Math.max(0, entry.stripe.locker.clock.nanoTime() - since));
            if (events != null) {
                events.waited(this, failure, waited);
            }
            tell(told, failure, waited);
        }
    }

    KeyedLockerListener.@Nullable Wait both(
            KeyedLockerListener.@Nullable Wait first, KeyedLockerListener.@Nullable Wait second) {
        if (first == null || second == null) {
            return first == null ? second : first;
        }
        return (failure, waited) -> {
            tell(first, failure, waited);
            tell(second, failure, waited);
        };
    }

    private void tell(
            KeyedLockerListener.@Nullable Wait observer,
            KeyedLockerListener.@Nullable Outcome failure,
            Duration waited) {
        if (observer != null) {
            try {
                observer.ended(failure, waited);
            } catch (Throwable e) {
                Messages.listenerFailed(entry.stripe.locker.settings(), "ended", e);
            }
        }
    }

    /** How this ends as its time has passed; under the stripe. */
    RejectReason reasonOfTimeOut() {
        BackendKey remote = entry.contended().remote;
        return remote != null && remote.isSilent() ? RejectReason.BACKEND : RejectReason.TIMED_OUT;
    }

    /** Whether others have passed this head for long enough, so that a free permit is to be handed to it. */
    boolean isOverdue(long now) {
        return headSince != 0 && now - headSince >= (signalled ? BYPASS_OF_SIGNALLED_NANOS : BYPASS_NANOS);
    }

    /**
     * Wakes the thread. Tries again where the system is short of something, at last from another thread: nobody else would wake
     * it, and the current thread has others to wake.
     */
    @SuppressWarnings("ThreadPriorityCheck") // others may free what is missing
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
            // Neither memory nor a thread is left. A release that follows signals the head again.
        }
    }

    /**
     * Ends a wait whose caller fails, whatever has become of it: leaves the queue, or releases the permit that was granted. With
     * no lock held.
     */
    void abandon() {
        try {
            if (!leave(RejectReason.CANCELLED) && result instanceof Hold granted) {
                granted.close();
            }
        } finally {
            ended(RejectReason.CANCELLED);
        }
    }

    /** Leaves the queue; returns false if the wait had ended before. With no lock held. */
    boolean leave(RejectReason reason) {
        return leave(reason, false);
    }

    /**
     * Leaves the queue as the wait time has passed; returns false if the wait had ended before. With no lock held.
     *
     * @param elsewhere whether foreign code must not run on this thread
     */
    boolean timeOut(boolean elsewhere) {
        return leave(null, elsewhere);
    }

    private boolean leave(@Nullable RejectReason reason, boolean elsewhere) {
        Stripe stripe = entry.stripe;
        Headroom.checkForSection();
        stripe.lock();
        if (result != null) {
            stripe.unlock();
            return false;
        }
        stripe.cancelAndUnlock(this, reason == null ? reasonOfTimeOut() : reason, elsewhere);
        return true;
    }

    /**
     * Waits, as the thread that lined up here, until the wait is over.
     *
     * @param nanos how long to wait, {@link Long#MAX_VALUE} without end
     * @param interruptible whether an interrupt ends the wait; if not, the flag is set again on return
     * @return {@link #result}; if an interrupt has ended the wait, the flag is still set
     */
    AcquireResult await(long nanos, boolean interruptible) {
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
                    boolean cut = interruptible && Thread.currentThread().isInterrupted();
                    now = clock.nanoTime();
                    look(cut, now - since >= nanos);
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

    /** Takes a free permit as the head, or else leaves the queue if the wait is over, or else clears the signal. */
    private void look(boolean interrupted, boolean timedOut) {
        Stripe stripe = entry.stripe;
        ContendedState contended = entry.contended();
        stripe.lock();
        if (result != null) {
            stripe.unlock();
        } else if (mayTake(contended)) {
            takeAndUnlock(contended);
        } else if (interrupted) {
            stripe.cancelAndUnlock(this, RejectReason.INTERRUPTED, false);
        } else if (timedOut) {
            stripe.cancelAndUnlock(this, reasonOfTimeOut(), false);
        } else {
            signalled = false;
            stripe.unlock();
        }
    }

    /**
     * Looks for a free permit for a moment before parking, with the signal still set: as long as this thread is awake, those who
     * release need not wake it. What it sees without the lock is a guess; it takes under the lock only.
     */
    private void spin() {
        Stripe stripe = entry.stripe;
        ContendedState contended = entry.contended();
        for (int look = 0; look < LOOKS && result == null; look++) {
            if (mayTake(contended) && stripe.tryLock()) {
                if (mayTake(contended)) {
                    takeAndUnlock(contended);
                } else {
                    stripe.unlock();
                }
            } else {
                for (int i = 0; i < PAUSES && result == null; i++) {
                    Thread.onSpinWait();
                }
            }
        }
    }

    private boolean mayTake(ContendedState contended) {
        // With a backend, the head is handed a permit together with a lease.
        return contended.remote == null && contended.head == this && contended.holdCount < entry.stripe.locker.limit;
    }

    /** Takes a free permit, as the head; under the lock, which is free on return. */
    private void takeAndUnlock(ContendedState contended) {
        hold.since = entry.stripe.locker.stampOfHold();
        contended.grant(this);
        entry.stripe.handOffAndUnlock(entry, null, null, false);
    }

    /** What a thread dump shows as the reason of parking. */
    @Override
    public String toString() {
        return "Waiter[" + Messages.describe(entry) + "]";
    }
}
