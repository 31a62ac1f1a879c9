// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The state of a key whose permits come from a {@link KeyedLockerBackend}.
 *
 * <pre>
 * INVARIANTS, whenever the stripe is unlocked
 * R1  Every hold is a LeasedHold, and no two of them have the same BackendRequest.
 * R2  One request is pending if and only if the queue is not empty and a local permit is free; otherwise none is. So a newcomer
 *     never acquires a free permit: the permit goes to the head, together with a lease.
 * R3  A lease belongs to a hold, or is being released by the thread that ended its hold. None is kept in reserve.
 *
 * TRANSITIONS of a BackendRequest
 *   pending -> granted -> held, by one caller after the other -> released
 *   pending -> rejected | failed
 *   pending -> cancelled: no caller waits any more, the local permit was granted with a lease that was handed off, or the
 *       limit of the key has changed; the request that replaces it carries the new limit
 *   held -> lost, which changes nothing here until the hold is closed
 *
 * RACES: WHO WINS, AND WHAT THE LOSER MUST DO
 * Grant against the last waiter leaving (time-out, interrupt, cancellation, close): the first to lock the stripe wins. If the
 * grant finds that its request was cancelled, it releases the lease, however the backend handles the cancellation. While
 * other waiters are in the queue, the request stays pending, and the lease goes to the next head.
 * Failure or refusal against the last waiter leaving: the answer to a cancelled request is ignored.
 * Failure against enqueuing: every waiter in the queue fails with it; the next caller sends a new request.
 * Loss against release: a loss sets a flag without the lock, and the section that hands off the lease reads it. A lease that
 * is known to be lost is released instead of handed off, so that the next caller gets a new one. If a lease is lost after it
 * was handed off, the listeners of its new holder are notified.
 * Sending a request against its cancellation: see BackendRequest.send.
 * </pre>
 *
 * <p>Guarded by the stripe's lock, except for the final fields.
 */
final class BackendKey {

    final KeyedLockerBackend backend;

    /** The name of the key at the backend. */
    final String name;

    /** The pending request, or null. */
    @Nullable
    BackendRequest pending;

    BackendKey(KeyedLockerBackend backend, String name) {
        this.backend = backend;
        this.name = name;
    }

    /** Returns whether the backend has not answered the pending request, and so caused a time-out. */
    boolean isUnanswered() {
        return pending != null && pending.isUnanswered();
    }

    /**
     * Attempts to acquire a permit that the backend grants. Every caller that does not reenter is enqueued. See
     * {@link Engine#attempt} for the parameters.
     *
     * @param answer the limit of the key if the caller has asked for it, or null
     * @return the result, or null if the caller must ask for the limit and try again
     */
    static @Nullable AcquireResult attempt(
            Engine locker,
            KeyedLockerBackend backend,
            Object key,
            int hash,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            boolean admitted,
            Limits.@Nullable Answer answer) {
        String keyName = Objects.requireNonNull(backend.keyName(key), "keyName");
        Stripe stripe = locker.stripes.of(hash);
        @Nullable AcquireResult result = RejectReason.CANCELLED;
        boolean handsOff = false;
        Headroom.checkForWait();
        stripe.lock();
        try {
            RejectReason rejection = locker.rejection(admitted);
            Entry entry = stripe.find(key, hash);
            if (entry == null && rejection != null) {
                result = rejection;
            } else if (entry == null && locker.limits.isMissing(answer)) {
                result = null;
            } else if (entry == null) {
                result = acquireNew(stripe, key, hash, backend, keyName, owner, nanos, future, answer);
            } else {
                result = entry.backendKey(backend, keyName).acquire(entry, owner, nanos, future, rejection, answer);
            }
            handsOff = result instanceof Waiter;
        } finally {
            if (!handsOff) {
                stripe.unlock();
            }
            if (result instanceof RejectReason) {
                // An entry may have been added and removed again.
                locker.stripes.announceIfOver();
            }
        }
        if (result == null) {
            return null;
        }
        try {
            if (result instanceof Waiter waiter) {
                stripe.handOffAndUnlock(waiter.entry, null, null, false);
            }
        } catch (Throwable e) {
            Engine.undo(result);
            throw e;
        }
        locker.startScanIfStopped(result);
        return result;
    }

    /** Adds an entry for a key whose permits come from a backend, and enqueues its first caller. Called under the lock. */
    private static AcquireResult acquireNew(
            Stripe stripe,
            Object key,
            int hash,
            KeyedLockerBackend backend,
            String keyName,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            Limits.@Nullable Answer answer) {
        Entry e = new Entry(key, hash, stripe, null, false, 0);
        BackendKey backendKey = e.backendKey(backend, keyName);
        if (answer != null) {
            e.contended().setLimit(answer);
        }
        stripe.insert(e);
        boolean enqueued = false;
        try {
            AcquireResult result = Objects.requireNonNull(backendKey.acquire(e, owner, nanos, future, null, answer));
            enqueued = result instanceof Waiter;
            return result;
        } finally {
            if (!enqueued) {
                // The caller announces the idle moment if this was it.
                stripe.evict(e);
            }
        }
    }

    /**
     * Reenters, enqueues the caller, or rejects it. Called under the stripe's lock, and followed by
     * {@link Stripe#handOffAndUnlock} if the caller was enqueued. Returns null if the caller must ask for the limit of the key
     * and try again.
     */
    private @Nullable AcquireResult acquire(
            Entry e,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            @Nullable RejectReason rejection,
            Limits.@Nullable Answer answer) {
        Engine locker = e.stripe.locker;
        KeyedLockerSettings settings = locker.settings;
        Hold own = owner == null ? null : e.holdOf(owner);
        if (own != null) {
            return Stripe.reenter(own, settings);
        }
        if (rejection != null) {
            return rejection;
        }
        if (locker.limits.mustAsk(e, answer)) {
            return null;
        }
        int free = e.limit() - e.holdCount();
        RejectReason noPermit = nanos == 0 ? RejectReason.UNAVAILABLE : RejectReason.QUEUE_FULL;
        boolean waits = nanos != 0 && settings.maxWaiters() != 0;
        if (!waits && (free <= 0 || e.waiterCount() > 0)) {
            return noPermit;
        }
        // A waiter for which a local permit is free awaits the backend only, and does not count towards maxWaiters.
        if (waits && e.waiterCount() - Math.max(0, free) >= settings.maxWaiters()) {
            return RejectReason.QUEUE_FULL;
        }
        return e.stripe.enqueue(e, owner, future, new LeasedHold(e, owner), waits ? null : noPermit);
    }

    /**
     * Grants the head of the queue a permit with a lease, if a local permit is free and the lease can be used. Called under the
     * stripe's lock.
     *
     * @param freed the request whose lease was freed
     */
    @Nullable
    Waiter grantHead(ContendedState c, BackendRequest freed) {
        Waiter w = c.head;
        Engine locker = freed.locker();
        // A lease that was granted under a higher limit is released, as others may hold as many as the new one admits.
        if (w == null || c.holdCount >= c.limit() || freed.limit > c.limit() || !freed.useLease()) {
            return null;
        }
        ((LeasedHold) w.hold).request = freed;
        w.hold.since = locker.holdStart();
        c.grant(w);
        return w;
    }

    /**
     * Returns the pending request if it is no longer needed and must be cancelled, or null. Called under the stripe's lock.
     */
    @Nullable
    BackendRequest requestToCancel(ContendedState c) {
        BackendRequest unneeded = pending;
        if (unneeded == null || (needsLease(c) && unneeded.limit == c.limit())) {
            return null;
        }
        unneeded.markCancelled();
        pending = null;
        return unneeded;
    }

    /** Returns a new pending request if one is needed and must be sent, or null. Called under the stripe's lock. */
    @Nullable
    BackendRequest requestToSend(Entry e, ContendedState c) {
        Waiter w = c.head;
        if (w == null || pending != null || !needsLease(c)) {
            return null;
        }
        BackendRequest prepared = w.request;
        w.request = null;
        BackendRequest request =
                prepared != null ? prepared : new BackendRequest(e, this, c.limit(), w.ifRejected == null);
        request.limit = c.limit();
        pending = request;
        return request;
    }

    private static boolean needsLease(ContendedState c) {
        return c.head != null && c.holdCount < c.limit();
    }

    /** Ends the wait of a head that does not wait for other holders. Called under the stripe's lock, before handing off. */
    @Nullable
    Waiter reject(ContendedState c) {
        Waiter head = c.head;
        if (head == null || head.ifRejected == null) {
            return null;
        }
        c.dequeue(head);
        head.result = head.ifRejected;
        return head;
    }

    /** Ends all waits because the backend has failed. Called under the stripe's lock, before handing off. */
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
