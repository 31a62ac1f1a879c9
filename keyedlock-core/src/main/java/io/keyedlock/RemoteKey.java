// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * What a key's {@link Crowd} has besides where permits come from a {@link KeyedLockerBackend}.
 *
 * <pre>
 * INVARIANTS, whenever the stripe is unlocked
 * R1  Every hold is a LeasedHold, and no two of them have the same RemotePermit.
 * R2  A request is under way (asking is not null) if and only if the queue is not empty and a local permit is free, and
 *     then it is one. So a free permit is never taken by who comes by: it goes to the head, together with a lease.
 * R3  A lease is in a hold, or is being released by whoever took it out of one; there is none in reserve.
 *
 * A RemotePermit goes
 *   asking -> granted -> held, by one caller after the other -> released
 *   asking -> refused | failed
 *   asking -> forgotten: nobody waits any more, or the place went to somebody with a lease that was passed on
 *   held -> lost, which changes nothing here until the hold is closed
 *
 * WHO WINS, AND WHAT THE LOSER OWES
 * Grant against the last waiter's leaving (time-out, interrupt, cancellation, close): whoever comes first under the word.
 * If the grant finds that it was forgotten, it gives the lease back, whatever the backend makes of the withdrawal; if
 * there is another waiter, that one has it.
 * Failure or refusal against the leaving: who was forgotten is not asked, and fails nobody.
 * Failure against lining up: who is in the queue by then fails with it, the next one asks anew.
 * Loss against release: the loser of the word. A lease that is known as lost is not passed on but given back, so that the
 * next caller has a fresh one; one that is lost after it was passed on is told as lost to its holder's listeners.
 * The request's start against its withdrawal: see RemotePermit.request.
 * </pre>
 *
 * <p>Guarded by the stripe where not final.
 */
final class RemoteKey {

    final KeyedLockerBackend backend;

    /** The name of the key beyond this process. */
    final String name;

    /** The request under way. */
    @Nullable
    RemotePermit asking;

    RemoteKey(KeyedLockerBackend backend, String name) {
        this.backend = backend;
        this.name = name;
    }

    /** What follows for the backend, with no lock held and before anything else is carried out. */
    record Steps(
            @Nullable RemotePermit release,
            @Nullable RemotePermit withdraw,
            @Nullable RemotePermit ask) {

        void carryOut() {
            if (release != null) {
                release.release();
            }
            if (withdraw != null) {
                withdraw.withdraw();
            }
            if (ask != null) {
                ask.ask();
            }
        }
    }

    /** How a wait ends whose time has passed: the fault is the backend's if it has not even answered. */
    int outcomeOfTimeOut() {
        return asking != null && asking.isSilent() ? Waiter.BACKEND : Waiter.WITHDRAWN;
    }

    /** Lets a caller of a key line up, re-enter, or go; under the stripe, and followed by {@link #settle} if it lines up. */
    Answer lineUp(
            Entry e,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            Answer.@Nullable Refusal refusal) {
        DefaultKeyedLocker<?> locker = e.stripe.locker;
        KeyedLockerSettings settings = locker.settings();
        Hold own = owner == null ? null : e.holdOf(owner);
        if (own != null) {
            return Stripe.reenter(own, settings);
        }
        if (refusal != null) {
            return refusal;
        }
        int free = locker.limit - e.holdCount();
        boolean tries = nanos == 0 || settings.maxWaiters() == 0;
        if (tries && (free <= 0 || e.waiterCount() > 0)) {
            return nanos == 0 ? Answer.Refusal.TAKEN : Answer.Refusal.FULL;
        }
        // Whoever has a place in this process awaits the backend alone, and is not one of a queue that may be full.
        if (!tries && e.waiterCount() - Math.max(0, free) >= settings.maxWaiters()) {
            return Answer.Refusal.FULL;
        }
        Waiter w = new Waiter(
                e, owner, future, !tries && nanos == Long.MAX_VALUE, e.waiterCount(), locker.clock.nanoTime());
        if (tries) {
            w.refusal = nanos == 0 ? Answer.Refusal.TAKEN : Answer.Refusal.FULL;
        }
        e.crowd().enqueue(w);
        if (future != null) {
            future.linesUp(w);
        }
        return w;
    }

    /**
     * Restores the invariants after anything has changed; under the stripe.
     *
     * @param inHand a permit that was just granted or whose hold has just ended, or null
     * @return what is to be done once the stripe is unlocked, or null
     */
    Stripe.@Nullable Aftermath settle(Entry e, Crowd c, @Nullable RemotePermit inHand) {
        DefaultKeyedLocker<?> locker = e.stripe.locker;
        Waiter granted = null;
        RemotePermit release = inHand;
        Waiter head = c.head;
        if (inHand != null && head != null && c.holdCount < locker.limit && inHand.serve()) {
            // First what may fail: whoever has left the queue must get it.
            ExtraHold hold = c.addHold(new LeasedHold(e, head.thread, inHand), locker.stampOfHold());
            c.dequeue(head);
            head.grant(hold);
            granted = head;
            release = null;
        }
        RemotePermit withdraw = null;
        RemotePermit ask = null;
        // Who awaits a lease, as no place in this process is wanting.
        head = c.holdCount < locker.limit ? c.head : null;
        if (head != null && asking == null) {
            ask = asking = new RemotePermit(e, this, head.refusal == null);
        } else if (head == null && asking != null) {
            withdraw = asking;
            asking.forget();
            asking = null;
        }
        IdleWatch idle = c.isNeeded() ? null : e.stripe.evict(e);
        Steps steps = release == null && withdraw == null && ask == null ? null : new Steps(release, withdraw, ask);
        return granted == null && idle == null && steps == null
                ? null
                : new Stripe.Aftermath(granted, null, idle, steps);
    }

    /** Ends the wait of a head that only tried; under the stripe, and followed by {@link #settle}. */
    Stripe.@Nullable Aftermath refuse(Crowd c) {
        Waiter head = c.head;
        if (head == null || head.refusal == null) {
            return null;
        }
        c.dequeue(head);
        head.status = Waiter.REFUSED;
        return new Stripe.Aftermath(head, null, null, null);
    }

    /** Ends all waits because the backend has failed; under the stripe, and followed by {@link #settle}. */
    Stripe.@Nullable Aftermath fail(Crowd c, Throwable cause) {
        Waiter first = c.head;
        for (Waiter w = first; w != null; w = w.nextDone) {
            c.dequeue(w);
            w.nextDone = c.head;
            w.backendFailure = cause;
            w.status = Waiter.BACKEND;
        }
        return first == null ? null : new Stripe.Aftermath(first, null, null, null);
    }
}
