// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * One part of a locker's keys: a table of them with the lock word under which everything about them happens.
 *
 * <p>What a section decides for others (grants, signals, an idle moment, steps of the backend) is carried out once the word is
 * free, by {@link #handOffAndUnlock}. Nothing of it needs memory: the permit of a waiter is made when it lines up. What may fail
 * (an allocation, the key's own equals, a stack that ends) comes before the first change.
 */
final class Stripe extends Table {

    final DefaultKeyedLocker<?> locker;

    /**
     * Holds of all entries, less one for each entry: what {@link ContendedState}s add, so that it stays as it is while each key has one
     * holder.
     */
    int furtherHolds;

    /** Waiters of all entries. */
    int waiters;

    /** Set while somebody waits for the idle moment; the same in all stripes. */
    @Nullable
    IdleWatch watch;

    /** The last {@link ContendedState#pinNumber} given out. */
    private long lastPin;

    Stripe(DefaultKeyedLocker<?> locker) {
        this.locker = locker;
    }

    /** Holds of all entries; under the lock. */
    int holders() {
        return active() + furtherHolds;
    }

    /** Makes the entry of a key that has none, held by nobody yet; under the lock. */
    Entry insert(Object key, int hash) {
        return insert(new Entry(key, hash, this, null, false, 0));
    }

    private Entry insert(Entry e) {
        boolean added = false;
        try {
            if (watch != null) {
                Headroom.checkForSection();
            }
            add(e);
            added = true;
        } finally {
            if (!added && e.contendedIfAny() != null) {
                furtherHolds++;
            }
        }
        if (watch != null) {
            watch.entered();
        }
        return e;
    }

    /** Takes an entry out that nobody needs any more; under the lock. Returns the watch if this was the idle moment. */
    @Nullable
    IdleWatch evict(Entry entry) {
        remove(entry);
        if (entry.contendedIfAny() != null) {
            furtherHolds++;
        }
        return watch != null && watch.left() ? watch : null;
    }

    /**
     * Ends all waits of this stripe because the locker was closed. They are to be completed by the caller.
     *
     * @param others waits that were ended before
     * @return those and the ones of this stripe, linked by {@link Waiter#nextDone}; the latest of each key has, as its
     *     {@link Waiter#request}, the request that is to be cancelled, if any
     */
    @Nullable
    Waiter closeWaiters(@Nullable Waiter others) {
        Headroom.checkForSection();
        Waiter first = others;
        lock();
        try {
            for (Entry e = firstEntry(); e != null; e = entryAfter(e)) {
                ContendedState c = e.contendedIfAny();
                for (Waiter w = c == null ? null : c.head; c != null && w != null; w = c.head) {
                    c.dequeue(w);
                    w.request = c.head == null && c.remote != null ? c.remote.requestToCancel(c) : null;
                    w.result = RejectReason.CLOSED;
                    w.nextDone = first;
                    first = w;
                }
            }
            for (Waiter w = first; w != others && w != null; w = w.nextDone) {
                boolean lastOfKey = w.nextDone == others || w.nextDone == null || w.nextDone.entry != w.entry;
                if (lastOfKey && !w.entry.contended().isNeeded()) {
                    evict(w.entry);
                }
            }
        } finally {
            unlock();
        }
        return first;
    }

    // ---- acquiring

    /** Makes the entry of a key that has none, held by its first caller; under the lock. */
    Entry begin(Object key, int hash, @Nullable Thread owner, long now) {
        return insert(new Entry(key, hash, this, owner, true, now));
    }

    /**
     * Attempts to acquire a permit of a key that has an entry already; under the lock.
     *
     * @param owner the thread that would own the hold, null if no thread would
     * @param nanos how long to wait if no permit is available
     * @param future the future that would wait, null if the owner would
     * @param rejection why newcomers are rejected, null if they are not
     */
    AcquireResult join(
            Entry e,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            @Nullable RejectReason rejection) {
        KeyedLockerSettings settings = locker.settings();
        Hold own = owner == null ? null : e.holdOf(owner);
        if (own != null) {
            return reenter(own, settings);
        }
        if (rejection != null) {
            return rejection;
        }
        if (e.holdCount() < locker.limit && (owner != null || e.waiterCount() == 0)) {
            ExtraHold hold = new ExtraHold(e, owner);
            hold.since = locker.stampOfHold();
            return e.contended().admit(hold);
        }
        if (nanos == 0) {
            return RejectReason.UNAVAILABLE;
        }
        if (e.waiterCount() >= settings.maxWaiters()) {
            return RejectReason.QUEUE_FULL;
        }
        return enqueueCaller(e, owner, future, new ExtraHold(e, owner), null);
    }

    /** Puts a caller into the queue; under the lock. */
    Waiter enqueueCaller(
            Entry e,
            @Nullable Thread owner,
            @Nullable PermitFuture future,
            ExtraHold hold,
            @Nullable RejectReason ifRefused) {
        ContendedState c = e.contended();
        long now = locker.clock.nanoTime();
        Waiter w = new Waiter(e, owner, future, hold, c.waiterCount, now, ifRefused);
        if (c.remote != null) {
            w.request = new BackendRequest(e, c.remote, ifRefused == null);
        }
        Headroom.checkForWait();
        c.enqueue(w);
        if (future != null) {
            future.linesUp(w);
        }
        return w;
    }

    /** Makes the entry of a key whose permits come from a backend, awaited by its first caller; under the lock. */
    AcquireResult enqueueForBackend(
            Object key,
            int hash,
            KeyedLockerBackend from,
            String keyName,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future) {
        Entry e = new Entry(key, hash, this, null, false, 0);
        BackendKey remote = e.remote(from, keyName);
        insert(e);
        boolean linedUp = false;
        try {
            AcquireResult result = remote.join(e, owner, nanos, future, null);
            linedUp = result instanceof Waiter;
            return result;
        } finally {
            if (!linedUp) {
                // The caller announces the idle moment if this was it.
                evict(e);
            }
        }
    }

    /** Lets the owner of a hold acquire again; under the lock. */
    static AcquireResult reenter(Hold own, KeyedLockerSettings settings) {
        if (!settings.reentrant()) {
            return RejectReason.REENTRY;
        }
        Reentry again = new Reentry(own);
        own.addReentry();
        return again;
    }

    /** Keeps the entry of a key in the table, making it if there is none. */
    Entry pin(Object key, int hash) {
        Headroom.checkForSection();
        lock();
        try {
            Entry e = find(key, hash);
            ContendedState c;
            if (e == null) {
                Entry fresh = new Entry(key, hash, this, null, false, 0);
                c = fresh.contended();
                e = insert(fresh);
            } else {
                c = e.contended();
            }
            c.pins++;
            if (c.pinNumber == 0) {
                c.pinNumber = ++lastPin;
            }
            return e;
        } finally {
            unlock();
        }
    }

    // ---- releasing, leaving

    /**
     * Closes a permit: the hold's own, or that of a reentrant acquisition. Most often it is the only one of its key, and nothing
     * follows.
     */
    void release(Hold hold, @Nullable Reentry reentry) {
        CompositeListener listeners = locker.events();
        long end = listeners != null && listeners.timesHolds ? locker.clock.nanoTime() : 0;
        Entry e = hold.entry();
        boolean ended = false;
        boolean settles = false;
        IdleWatch idle = null;
        lock();
        try {
            ContendedState c = e.contendedIfAny();
            if (c == null && watch == null && reentry == null && hold.isSimple()) {
                remove(e);
                hold.closeSimple();
                ended = true;
            } else {
                boolean acts = c != null && c.mustAct();
                if (acts || watch != null) {
                    Headroom.checkForSection();
                } else if (c != null) {
                    Headroom.checkForRelease();
                }
                ended = (reentry == null ? hold.closeFirst() : reentry.closeOnce()) && !hold.isHeld();
                if (ended) {
                    if (c == null) {
                        hold.owner = null;
                    } else {
                        c.removeHold(hold);
                    }
                    settles = acts;
                    if (!acts && (c == null || !c.isNeeded())) {
                        idle = evict(e);
                    }
                }
            }
        } finally {
            if (!settles) {
                unlock();
            }
        }
        try {
            if (settles) {
                handOffAndUnlock(e, null, hold instanceof LeasedHold leased ? leased.remote : null, false);
            } else if (idle != null) {
                idle.announce();
            }
        } finally {
            if (ended && listeners != null) {
                listeners.released(hold, end);
            }
        }
    }

    /**
     * Takes a waiter out of the queue that waits no longer; under the lock, which is free on return.
     *
     * @param reason what its result becomes
     * @param elsewhere whether foreign code must not run on this thread
     */
    void cancelAndUnlock(Waiter waiter, RejectReason reason, boolean elsewhere) {
        waiter.entry.contended().dequeue(waiter);
        waiter.result = reason;
        handOffAndUnlock(waiter.entry, null, null, elsewhere);
    }

    void unpin(Entry entry) {
        Headroom.checkForSection();
        lock();
        entry.contended().pins--;
        handOffAndUnlock(entry, null, null, false);
    }

    /**
     * Restores the invariants of a key after a permit became free or the head of its queue has changed, removes the entry if nobody
     * needs it any more, unlocks, and carries out what was decided for others. Called under the lock, with enough {@link Headroom}.
     *
     * @param ended waits that the section has ended, linked by {@link Waiter#nextDone}, or null
     * @param inHand a permit of the backend that was just granted or whose hold has just ended, or null
     * @param elsewhere whether foreign code must not run on this thread, which is the timer's or one of a backend
     */
    void handOffAndUnlock(Entry e, @Nullable Waiter ended, @Nullable BackendRequest inHand, boolean elsewhere) {
        Waiter done = ended;
        Waiter signalled = null;
        BackendRequest release = inHand;
        BackendRequest cancel = null;
        BackendRequest request = null;
        IdleWatch idle = null;
        try {
            ContendedState c = e.contended();
            BackendKey remote = c.remote;
            if (remote == null) {
                if (done == null) {
                    done = c.grantHead();
                }
                signalled = c.signalHead();
            } else {
                Waiter granted = inHand == null ? null : remote.grantHead(c, inHand);
                if (granted != null) {
                    granted.nextDone = done;
                    done = granted;
                    release = null;
                }
                cancel = remote.requestToCancel(c);
                request = remote.requestToSend(e, c);
            }
            if (!c.isNeeded()) {
                idle = evict(e);
            }
        } finally {
            unlock();
        }
        if (signalled != null) {
            signalled.unparkThread();
        }
        unparkThreads(done);
        try {
            if (release != null) {
                release.release();
            }
            if (cancel != null && elsewhere) {
                // The backend's code: not on the timer's thread.
                Background.execute(cancel::cancel);
            } else if (cancel != null) {
                cancel.cancel();
            }
            if (request != null) {
                request.request();
            }
        } finally {
            completeFutures(done, idle, elsewhere);
        }
    }

    /** Wakes the threads among waiters whose wait has ended. Futures are completed later, as that runs foreign code. */
    static void unparkThreads(@Nullable Waiter done) {
        for (Waiter w = done; w != null; w = w.nextDone) {
            if (w.future == null) {
                w.unparkThread();
            }
        }
    }

    /** Completes the futures among waiters whose wait has ended, and the futures of the idle moment if it has come. */
    static void completeFutures(@Nullable Waiter done, @Nullable IdleWatch idle, boolean elsewhere) {
        Waiter futures = Trampoline.futuresOf(done);
        if (futures != null && elsewhere) {
            Trampoline.deliverElsewhere(futures);
        } else if (futures != null) {
            Trampoline.deliver(futures);
        }
        if (idle != null && elsewhere) {
            Background.execute(idle::announce);
        } else if (idle != null) {
            idle.announce();
        }
    }

    // ---- owners of holds that no thread took

    /** Makes a thread the owner of an asynchronous hold, unless it owns another hold of the key; tells whether it did. */
    boolean adopt(Hold hold, Thread thread) {
        lock();
        try {
            Entry e = hold.entry();
            if (hold.owner != null || !hold.isHeld() || e.holdOf(thread) != null) {
                return false;
            }
            locker.noteHolder(thread);
            e.contended().setOwner(hold, thread);
            return true;
        } finally {
            unlock();
        }
    }

    void disown(Hold hold) {
        lock();
        try {
            hold.entry().contended().setOwner(hold, null);
        } finally {
            unlock();
        }
    }
}
