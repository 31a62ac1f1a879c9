// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * One part of a locker's keys: their table, and the lock that guards all of their state.
 *
 * <p>{@link #handOffAndUnlock} carries out, after unlocking, what a critical section decides for others: grants,
 * signals, an idle moment, requests to the backend. None of this needs memory, because the permit of a waiter is created when
 * it is enqueued. What may fail (an allocation, the key's own equals, the end of the stack) comes before the first change.
 */
final class Stripe extends Table {

    /** One of this many holds, on average, is timed by sampling. A power of two. */
    static final int SAMPLE_INTERVAL = 16;

    final Engine locker;

    /**
     * The number of holds minus the number of entries. {@link ContendedState} updates it, so that it does not change while each
     * key has one holder. Guarded by the stripe's lock.
     */
    int furtherHolds;

    /** The number of waiters of all entries. Guarded by the stripe's lock. */
    int waiters;

    /** Set while a caller waits for the idle moment; the same in all stripes. Guarded by the stripe's lock. */
    @Nullable
    IdleWatch watch;

    /** The last {@link ContendedState#pinNumber} that was assigned. Guarded by the stripe's lock. */
    private long lastPin;

    /**
     * The state of a xorshift generator, which selects the holds that are timed by sampling. A counter would always select the
     * same ones of holds that alternate. Not guarded: a lost update repeats a number, which harms nothing.
     */
    private int samples = ThreadLocalRandom.current().nextInt() | 1;

    Stripe(Engine locker) {
        this.locker = locker;
    }

    /** Returns the number of holds of all entries. Called under the lock. */
    int holders() {
        return active() + furtherHolds;
    }

    /** Adds an entry to the table, and counts it. Called under the lock. */
    void insert(Entry e) {
        try {
            if (watch != null) {
                Headroom.checkForSection();
            }
            add(e);
        } catch (Throwable failure) {
            if (e.contendedIfAny() != null) {
                furtherHolds++;
            }
            throw failure;
        }
        if (watch != null) {
            watch.entered();
        }
    }

    /** Removes an entry that is no longer needed. Called under the lock. Returns the watch if this was the idle moment. */
    @Nullable
    IdleWatch evict(Entry entry) {
        remove(entry);
        if (entry.contendedIfAny() != null) {
            furtherHolds++;
        }
        return watch != null && watch.left() ? watch : null;
    }

    // ---- acquiring

    /** Acquires a permit of a key that has no entry, by adding one. Called under the lock. */
    Entry acquireNew(Object key, int hash, @Nullable Thread owner, long now) {
        Entry e = new Entry(key, hash, this, owner, true, now);
        if (watch != null) {
            insert(e);
        } else {
            // The usual case, for which the rest of insert has nothing to do.
            add(e);
        }
        return e;
    }

    /**
     * Attempts to acquire a permit of a key that has an entry already. Called under the lock.
     *
     * @param owner the thread that would own the hold; null if no thread would
     * @param nanos how long to wait if no permit is available
     * @param future the future that would wait; null if the owner would
     * @param rejection why new callers are rejected; null if they are not
     * @param answer the limit of the key if the caller has asked for it, or null
     * @return the result, or null if the caller must ask for the limit and try again
     */
    @Nullable
    AcquireResult acquireExisting(
            Entry e,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            @Nullable RejectReason rejection,
            Limits.@Nullable Answer answer) {
        KeyedLockerSettings settings = locker.settings;
        Hold own = owner == null ? null : e.holdOf(owner);
        if (own != null) {
            return reenter(own, settings);
        }
        if (rejection != null) {
            return rejection;
        }
        if (locker.limits.mustAsk(e, answer)) {
            return null;
        }
        if (e.holdCount() < e.limit() && (owner != null || e.waiterCount() == 0)) {
            ExtraHold hold = new ExtraHold(e, owner);
            hold.since = locker.holdStart();
            return e.contended().admit(hold);
        }
        if (nanos == 0) {
            return RejectReason.UNAVAILABLE;
        }
        if (e.waiterCount() >= settings.maxWaiters()) {
            return RejectReason.QUEUE_FULL;
        }
        return enqueue(e, owner, future, new ExtraHold(e, owner), null);
    }

    /** Appends a caller to the queue. Called under the lock. */
    Waiter enqueue(
            Entry e,
            @Nullable Thread owner,
            @Nullable PermitFuture future,
            ExtraHold hold,
            @Nullable RejectReason ifRejected) {
        ContendedState c = e.contended();
        long now = locker.clock.nanoTime();
        Waiter w = new Waiter(e, owner, future, hold, c.waiterCount, now, ifRejected);
        if (c.backendKey != null) {
            w.request = new BackendRequest(e, c.backendKey, c.limit(), ifRejected == null);
        }
        Headroom.checkForWait();
        c.enqueue(w);
        if (future != null) {
            future.setWaiter(w);
        }
        return w;
    }

    /** Acquires again for the owner of a hold. Called under the lock. */
    static AcquireResult reenter(Hold own, KeyedLockerSettings settings) {
        if (!settings.reentrant()) {
            return RejectReason.REENTRY;
        }
        Reentry again = new Reentry(own);
        own.addReentry();
        return again;
    }

    /** Keeps the entry of a key in the table until it is unpinned, adding the entry if there is none. */
    Entry pin(Object key, int hash) {
        Headroom.checkForSection();
        lock();
        try {
            Entry found = find(key, hash);
            Entry e = found != null ? found : new Entry(key, hash, this, null, false, 0);
            ContendedState c = e.contended();
            if (found == null) {
                insert(e);
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
     * Closes the permit that an entry is. Usually it is the only one of its key, and nothing is to be handed off; that path is
     * short enough to be compiled into its callers.
     */
    void release(Entry e) {
        if (e.contendedIfAny() != null) {
            release(e, null);
            return;
        }
        CompositeListener listeners = locker.listeners;
        long end = endOfHold(listeners);
        boolean simple;
        lock();
        try {
            simple = watch == null && e.contendedIfAny() == null && e.isSimple();
            if (simple) {
                remove(e);
                e.closeSimple();
            }
        } finally {
            unlock();
        }
        if (!simple) {
            release(e, null);
        } else if (listeners != null) {
            listeners.released(e, end);
        }
    }

    /** Returns the current time for a hold that ends now, or 0 if it is not to be timed. */
    private long endOfHold(@Nullable CompositeListener listeners) {
        return listeners != null && listeners.timesHolds() && (listeners.timesAllHolds() || isSample())
                ? locker.clock.nanoTime()
                : 0;
    }

    /** Returns true for one call in {@value #SAMPLE_INTERVAL} on average. */
    private boolean isSample() {
        int next = samples;
        next ^= next << 13;
        next ^= next >>> 17;
        next ^= next << 5;
        samples = next;
        return (next & (SAMPLE_INTERVAL - 1)) == 0;
    }

    /** Closes a permit: the hold's own, or that of a reentrant acquisition. */
    void release(Hold hold, @Nullable Reentry reentry) {
        CompositeListener listeners = locker.listeners;
        long end = endOfHold(listeners);
        Entry e = hold.entry();
        boolean ended = false;
        boolean handsOff = false;
        IdleWatch idle = null;
        lock();
        try {
            ContendedState c = e.contendedIfAny();
            boolean mustHandOff = c != null && c.mustHandOff();
            if (mustHandOff || watch != null) {
                Headroom.checkForSection();
            } else {
                Headroom.checkForRelease();
            }
            ended = (reentry == null ? hold.closeFirst() : reentry.closeOnce()) && !hold.isHeld();
            if (ended) {
                if (c == null) {
                    hold.owner = null;
                } else {
                    c.removeHold(hold);
                }
                handsOff = mustHandOff;
                if (!mustHandOff && (c == null || !c.isNeeded())) {
                    idle = evict(e);
                }
            }
        } finally {
            if (!handsOff) {
                unlock();
            }
        }
        try {
            if (handsOff) {
                handOffAndUnlock(e, null, hold instanceof LeasedHold leased ? leased.request : null, false);
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
     * Ends a wait without a permit: removes the waiter from the queue and sets its result. Called under the lock, which is free
     * on return.
     *
     * @param offThread whether foreign code must not run on this thread
     */
    void cancelAndUnlock(Waiter waiter, RejectReason reason, boolean offThread) {
        waiter.entry.contended().dequeue(waiter);
        waiter.result = reason;
        handOffAndUnlock(waiter.entry, null, null, offThread);
    }

    void unpin(Entry entry) {
        Headroom.checkForSection();
        lock();
        entry.contended().pins--;
        handOffAndUnlock(entry, null, null, false);
    }

    /**
     * Restores the invariants of a key after a permit became free or the head of its queue has changed: grants or signals the
     * head, and removes the entry if it is no longer needed. Then unlocks, and carries out what was decided for others.
     * Called under the lock, with enough {@link Headroom}.
     *
     * @param ended the waits that the section has ended, linked by {@link Waiter#nextDone}, or null
     * @param freed the backend request whose lease was just granted, or whose hold has just ended, or null
     * @param offThread whether foreign code must not run on this thread, which is the timer's or a backend's
     */
    void handOffAndUnlock(Entry e, @Nullable Waiter ended, @Nullable BackendRequest freed, boolean offThread) {
        Waiter done = ended;
        Waiter signalled = null;
        BackendRequest release = freed;
        BackendRequest cancel = null;
        BackendRequest request = null;
        IdleWatch idle = null;
        try {
            ContendedState c = e.contended();
            BackendKey backendKey = c.backendKey;
            if (backendKey == null) {
                if (done == null) {
                    done = c.grantHead();
                }
                signalled = c.signalHead();
            } else {
                Waiter granted = freed == null ? null : backendKey.grantHead(c, freed);
                if (granted != null) {
                    granted.nextDone = done;
                    done = granted;
                    release = null;
                }
                cancel = backendKey.requestToCancel(c);
                request = backendKey.requestToSend(e, c);
                if (request != null && cancel != null) {
                    request.copyStateOf(cancel);
                }
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
            if (cancel != null && offThread) {
                // Cancelling runs the backend's code.
                Background.execute(cancel::cancel);
            } else if (cancel != null) {
                cancel.cancel();
            }
            if (request != null) {
                request.send();
            }
        } finally {
            completeFutures(done, idle, offThread);
        }
    }

    /** Unparks the threads among waiters whose wait has ended. Futures are completed later, because that runs foreign code. */
    static void unparkThreads(@Nullable Waiter done) {
        for (Waiter w = done; w != null; w = w.nextDone) {
            if (w.future == null) {
                w.unparkThread();
            }
        }
    }

    /** Completes the futures among waiters whose wait has ended, and announces the idle moment if there is one. */
    static void completeFutures(@Nullable Waiter done, @Nullable IdleWatch idle, boolean offThread) {
        Waiter futures = Trampoline.futuresOf(done);
        if (futures != null && offThread) {
            Trampoline.completeOffThread(futures);
        } else if (futures != null) {
            Trampoline.complete(futures);
        }
        if (idle != null && offThread) {
            Background.execute(idle::announce);
        } else if (idle != null) {
            idle.announce();
        }
    }
}
