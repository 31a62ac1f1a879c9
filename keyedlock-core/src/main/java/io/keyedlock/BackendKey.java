// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * What a key's {@link ContendedState} has besides where permits come from a {@link KeyedLockerBackend}.
 *
 * <pre>
 * INVARIANTS, whenever the stripe is unlocked
 * R1  Every hold is a LeasedHold, and no two of them have the same BackendRequest.
 * R2  A request is under way (asking is not null) if and only if the queue is not empty and a local permit is free, and
 *     then it is one. So a free permit is never taken by who comes by: it goes to the head, together with a lease.
 * R3  A lease is in a hold, or is being released by whoever took it out of one; there is none in reserve.
 *
 * A BackendRequest goes
 *   asking -> granted -> held, by one caller after the other -> released
 *   asking -> refused | failed
 *   asking -> forgotten: nobody waits any more, or the place went to somebody with a lease that was passed on
 *   held -> lost, which changes nothing here until the hold is closed
 *
 * WHO WINS, AND WHAT THE LOSER OWES
 * Grant against the last waiter's leaving (time-out, interrupt, cancellation, close): whoever comes first under the word.
 * If the grant finds that it was forgotten, it gives the lease back, whatever the backend makes of the cancellation; if
 * there is another waiter, that one has it.
 * Failure or refusal against the leaving: who was forgotten is not asked, and fails nobody.
 * Failure against lining up: who is in the queue by then fails with it, the next one asks anew.
 * Loss against release: the loser of the word. A lease that is known as lost is not passed on but given back, so that the
 * next caller has a fresh one; one that is lost after it was passed on is told as lost to its holder's listeners.
 * The request's start against its cancellation: see BackendRequest.request.
 * </pre>
 *
 * <p>Guarded by the stripe where not final.
 */
final class BackendKey {

    final KeyedLockerBackend backend;

    /** The name of the key beyond this process. */
    final String name;

    /** The request under way. */
    @Nullable
    BackendRequest asking;

    BackendKey(KeyedLockerBackend backend, String name) {
        this.backend = backend;
        this.name = name;
    }

    /** Whether the backend has not even answered the request under way, so that a wait that times out is its fault. */
    boolean isSilent() {
        return asking != null && asking.isSilent();
    }

    /** Lets a caller of a key line up, reenter, or rejects it; under the stripe, and followed by settling if it lines up. */
    AcquireResult join(
            Entry e,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            @Nullable RejectReason rejection) {
        DefaultKeyedLocker<?> locker = e.stripe.locker;
        KeyedLockerSettings settings = locker.settings();
        Hold own = owner == null ? null : e.holdOf(owner);
        if (own != null) {
            return Stripe.reenter(own, settings);
        }
        if (rejection != null) {
            return rejection;
        }
        int free = locker.limit - e.holdCount();
        boolean tries = nanos == 0 || settings.maxWaiters() == 0;
        if (tries && (free <= 0 || e.waiterCount() > 0)) {
            return nanos == 0 ? RejectReason.UNAVAILABLE : RejectReason.QUEUE_FULL;
        }
        // Whoever has a place in this process awaits the backend alone, and is not one of a queue that may be full.
        if (!tries && e.waiterCount() - Math.max(0, free) >= settings.maxWaiters()) {
            return RejectReason.QUEUE_FULL;
        }
        RejectReason ifRefused = !tries ? null : nanos == 0 ? RejectReason.UNAVAILABLE : RejectReason.QUEUE_FULL;
        return e.stripe.enqueueCaller(e, owner, future, new LeasedHold(e, owner), ifRefused);
    }

    /** Hands a lease to the head of the queue if there is one and a place is free in this process; under the stripe. */
    @Nullable
    Waiter grantHead(ContendedState c, BackendRequest inHand) {
        Waiter w = c.head;
        DefaultKeyedLocker<?> locker = inHand.locker();
        if (w == null || c.holdCount >= locker.limit || !inHand.serve()) {
            return null;
        }
        ((LeasedHold) w.hold).remote = inHand;
        w.hold.since = locker.stampOfHold();
        c.grant(w);
        return w;
    }

    /** Gives up the request under way if nobody needs it any more; under the stripe. Returns what is to be cancelled, or null. */
    @Nullable
    BackendRequest requestToCancel(ContendedState c) {
        BackendRequest unneeded = asking;
        if (unneeded == null || needsLease(c, unneeded.locker())) {
            return null;
        }
        unneeded.forget();
        asking = null;
        return unneeded;
    }

    /** Begins a request if one is needed and none is under way; under the stripe. Returns what is to be sent, or null. */
    @Nullable
    BackendRequest requestToSend(Entry e, ContendedState c) {
        Waiter w = c.head;
        if (w == null || asking != null || !needsLease(c, e.stripe.locker)) {
            return null;
        }
        BackendRequest prepared = w.request;
        w.request = null;
        asking = prepared != null ? prepared : new BackendRequest(e, this, w.ifRefused == null);
        return asking;
    }

    private static boolean needsLease(ContendedState c, DefaultKeyedLocker<?> locker) {
        return c.head != null && c.holdCount < locker.limit;
    }

    /** Ends the wait of a head that does not wait for others; under the stripe, and followed by settling. */
    @Nullable
    Waiter refuse(ContendedState c) {
        Waiter head = c.head;
        if (head == null || head.ifRefused == null) {
            return null;
        }
        c.dequeue(head);
        head.result = head.ifRefused;
        return head;
    }

    /** Ends all waits because the backend has failed; under the stripe, and followed by settling. */
    @Nullable
    Waiter fail(ContendedState c, Throwable cause) {
        Waiter first = null;
        for (Waiter w = c.head; w != null; w = c.head) {
            c.dequeue(w);
            w.backendFailure = cause;
            w.result = RejectReason.BACKEND;
            w.nextDone = first;
            first = w;
        }
        return first;
    }
}
