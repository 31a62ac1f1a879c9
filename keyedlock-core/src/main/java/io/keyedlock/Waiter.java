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
 * <p>{@link #status} goes once from {@link #WAITING} to one of the others, under the stripe; who sets it has decided the
 * race between grant, time-out, interrupt, cancellation and close, and has taken the waiter out of the queue in the same
 * step. The other fields are guarded by the stripe where not said otherwise.
 */
final class Waiter implements Answer {

    private static final VarHandle OBSERVER;

    static {
        try {
            OBSERVER = MethodHandles.lookup().findVarHandle(Waiter.class, "observer", KeyedLockerListener.Wait.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final KeyedLockerListener.Wait TOLD = (failure, waited) -> {};

    static final int WAITING = 0;
    /** A permit was handed over; {@link #permit} is set. */
    static final int GRANTED = 1;
    /** The waiter itself, its timer or its canceller has given up. */
    static final int WITHDRAWN = 2;
    /** The locker was closed. */
    static final int CLOSED = 3;
    /** Chosen to break a cycle of threads that wait for each other; {@link #deadlock} tells it. */
    static final int DEADLOCK = 4;
    /** The backend failed or did not answer in time; {@link #backendFailure} tells why, if that is known. */
    static final int BACKEND = 5;
    /** The backend had no permit free for a caller who only tried. */
    static final int REFUSED = 6;

    /** For how long, since it became head, a thread may be passed over by newcomers who find a permit free. */
    static final long BYPASS_NANOS = 1_000_000;

    /** How often a thread that was woken looks out for a free permit before it parks again. */
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

    /** Whether nothing but a permit, an interrupt or the end of the locker ends the wait. */
    final boolean endless;

    /** How many stood in the queue before. */
    final int ahead;

    /** When the wait began. */
    final long since;

    /** Written under the stripe, read by anybody. */
    volatile int status;

    /** Written before {@link #status} becomes {@link #GRANTED}. */
    @Nullable
    Hold permit;

    /** Written before {@link #status} becomes {@link #BACKEND}. */
    @Nullable
    Throwable backendFailure;

    /** What this caller is told who does not wait for others; null for one who waits. Written before it lines up. */
    Answer.@Nullable Refusal refusal;

    /** Written before {@link #status} becomes {@link #DEADLOCK}. */
    @Nullable
    String deadlock;

    @Nullable
    Waiter previous;

    @Nullable
    Waiter next;

    /** Next of those whose wait was ended in one step. Written under the stripe, then only by who ended it. */
    @Nullable
    Waiter nextDone;

    /** A free permit was announced to this thread, which has not looked since. */
    boolean signalled;

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
            boolean endless,
            int ahead,
            long since) {
        this.entry = entry;
        this.thread = thread;
        this.future = future;
        this.endless = endless;
        this.ahead = ahead;
        this.since = since;
    }

    /** Tells those who want to know of this wait that it has begun. By the caller who lined up, with no lock held. */
    void begins() {
        ListenerCalls events = entry.stripe.locker.events();
        KeyedLockerListener.Wait both = both(events == null ? null : events.waiting(this), WaitEvent.begin(this));
        if (both == null) {
            return;
        }
        if (!OBSERVER.compareAndSet(this, null, both)) {
            // A future that was completed before its caller came to this.
            tell(both, failure, Duration.ZERO);
        }
    }

    /** Tells of the end of this wait. Once, by whoever completes it towards the caller, with no lock held. */
    void ended(KeyedLockerListener.@Nullable Outcome failure) {
        ListenerCalls events = entry.stripe.locker.events();
        this.failure = failure;
        KeyedLockerListener.Wait told = (KeyedLockerListener.Wait) OBSERVER.getAndSet(this, TOLD);
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
                ListenerCalls.log(entry.stripe.locker.settings(), "ended", e);
            }
        }
    }

    /** What this becomes as its time has passed; under the stripe. */
    int outcomeOfTimeOut() {
        RemoteKey remote = entry.crowd().remote;
        return remote == null ? WITHDRAWN : remote.outcomeOfTimeOut();
    }

    void unparkThread() {
        LockSupport.unpark(thread);
    }

    /** Whether others have passed this head for long enough, so that a free permit is to be handed to it. */
    boolean isOverdue(long now) {
        return headSince != 0 && now - headSince >= BYPASS_NANOS;
    }

    void grant(Hold hold) {
        permit = hold;
        status = GRANTED;
    }

    /**
     * Waits, as the thread that lines up here, until the wait is over.
     *
     * @param nanos how long to wait, {@link Long#MAX_VALUE} for ever
     * @param interruptible whether an interrupt ends the wait; if not, the flag is set again on return
     * @return {@link #status}; {@link #WITHDRAWN} if the time has passed
     * @throws InterruptedException if an interrupt has ended the wait; the flag is clear
     */
    int await(long nanos, boolean interruptible) throws InterruptedException {
        Stripe stripe = entry.stripe;
        Clock clock = stripe.locker.clock;
        boolean interrupted = false;
        long now = since;
        try {
            while (status == WAITING) {
                if (nanos == Long.MAX_VALUE) {
                    clock.park(this);
                } else if (now - since < nanos) {
                    clock.parkNanos(this, nanos - (now - since));
                }
                lookOut();
                if (status != WAITING) {
                    break;
                }
                boolean cut = interruptible && Thread.currentThread().isInterrupted();
                now = clock.nanoTime();
                Stripe.Aftermath aftermath = null;
                stripe.lock();
                try {
                    Crowd crowd = entry.crowd();
                    if (status != WAITING) {
                        cut = false;
                    } else if (mayTake(crowd)) {
                        cut = false;
                        aftermath = take(crowd);
                    } else if (cut || now - since >= nanos) {
                        aftermath = stripe.leave(this, cut ? WITHDRAWN : outcomeOfTimeOut());
                    } else {
                        signalled = false;
                    }
                } finally {
                    stripe.unlock();
                }
                if (aftermath != null) {
                    aftermath.carryOut();
                }
                if (cut) {
                    Thread.interrupted();
                    throw new InterruptedException();
                }
                if (!interruptible && Thread.interrupted()) {
                    interrupted = true;
                }
            }
            return status;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Looks out for a free permit for a moment, with the signal still set: as long as this thread is awake, those who release
     * need not wake it. What it sees without the lock is a guess; it takes under the lock only.
     */
    private void lookOut() {
        Stripe stripe = entry.stripe;
        Crowd crowd = entry.crowd();
        for (int look = 0; look < LOOKS && status == WAITING; look++) {
            if (mayTake(crowd) && stripe.tryLock()) {
                Stripe.Aftermath aftermath = null;
                try {
                    if (mayTake(crowd)) {
                        aftermath = take(crowd);
                    }
                } finally {
                    stripe.unlock();
                }
                if (aftermath != null) {
                    aftermath.carryOut();
                }
            } else {
                for (int i = 0; i < PAUSES && status == WAITING; i++) {
                    Thread.onSpinWait();
                }
            }
        }
    }

    private boolean mayTake(Crowd crowd) {
        // With a backend, whoever is head is handed a permit together with a lease.
        return crowd.remote == null && crowd.head == this && crowd.holdCount < entry.stripe.locker.limit;
    }

    /** Takes a free permit, as the head; under the lock. */
    private Stripe.@Nullable Aftermath take(Crowd crowd) {
        // First what may fail: whoever has left the queue must get it.
        ExtraHold hold = crowd.addHold(thread, entry.stripe.locker.stampOfHold());
        crowd.dequeue(this);
        grant(hold);
        return entry.stripe.settle(entry, crowd);
    }

    /** What a thread dump shows as the reason of parking. */
    @Override
    public String toString() {
        return "Waiter[" + Messages.describe(entry) + "]";
    }
}
