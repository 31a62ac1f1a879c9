// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One part of a locker's keys: a table of them with the lock word under which everything about them happens. What a section
 * decided for others (grants, signals, an idle moment) is carried out after the word is free.
 */
final class Stripe extends Table {

    final DefaultKeyedLocker<?> locker;

    /**
     * Holds of all entries, less one for each entry: what {@link Crowd}s add, so that it stays as it is while each key has one
     * holder.
     */
    int furtherHolds;

    /** Waiters of all entries. */
    int waiters;

    /** Set while somebody waits for the idle moment; the same in all stripes. */
    @Nullable
    IdleWatch watch;

    /** The last {@link Crowd#pinNumber} given out. */
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
        return insert(new Entry(key, hash, this, null, false));
    }

    private Entry insert(Entry e) {
        add(e);
        if (watch != null) {
            watch.entered();
        }
        return e;
    }

    /** Takes an entry out that nobody needs any more; under the lock. Returns the watch if this was the idle moment. */
    @Nullable
    IdleWatch evict(Entry entry) {
        remove(entry);
        if (entry.crowdIfAny() != null) {
            furtherHolds++;
        }
        return watch != null && watch.left() ? watch : null;
    }

    /** Ends all waits of this stripe because the locker was closed. */
    void failWaiters() {
        List<@Nullable Aftermath> aftermaths = new ArrayList<>();
        Waiter first = null;
        Waiter last = null;
        lock();
        try {
            List<Entry> awaited = new ArrayList<>();
            forEach(e -> {
                if (e.waiterCount() > 0) {
                    awaited.add(e);
                }
            });
            for (Entry e : awaited) {
                Crowd c = e.crowd();
                for (Waiter w = c.head; w != null; w = c.head) {
                    c.dequeue(w);
                    w.status = Waiter.CLOSED;
                    if (last == null) {
                        first = w;
                    } else {
                        last.nextDone = w;
                    }
                    last = w;
                }
                aftermaths.add(settle(e, c));
            }
        } finally {
            unlock();
        }
        new Aftermath(first, null, null, null).carryOut();
        for (Aftermath aftermath : aftermaths) {
            if (aftermath != null) {
                aftermath.carryOut();
            }
        }
    }

    // ---- asking for a permit

    /** Makes the entry of a key that has none, held by its first caller; under the lock. */
    Entry begin(Object key, int hash, @Nullable Thread owner, long now) {
        Entry e = new Entry(key, hash, this, owner, true);
        e.stamp(now);
        return insert(e);
    }

    /**
     * Asks for a permit of a key that has an entry already; under the lock.
     *
     * @param owner whose hold it would be, null if no thread shall own it
     * @param nanos how long to line up if no permit is free
     * @param future who lines up, null for the owner's thread
     * @param refusal how newcomers are refused, null if they are not
     */
    Answer join(
            Entry e,
            @Nullable Thread owner,
            long nanos,
            @Nullable PermitFuture future,
            Answer.@Nullable Refusal refusal) {
        KeyedLockerSettings settings = locker.settings();
        Hold own = owner == null ? null : e.holdOf(owner);
        if (own != null) {
            return reenter(own, settings);
        }
        if (refusal != null) {
            return refusal;
        }
        if (e.holdCount() < locker.limit && (owner != null || e.waiterCount() == 0)) {
            return e.crowd().addHold(owner, locker.stampOfHold());
        }
        if (nanos == 0) {
            return Answer.Refusal.TAKEN;
        }
        if (e.waiterCount() >= settings.maxWaiters()) {
            return Answer.Refusal.FULL;
        }
        Waiter w = new Waiter(e, owner, future, nanos == Long.MAX_VALUE, e.waiterCount(), locker.clock.nanoTime());
        e.crowd().enqueue(w);
        if (future != null) {
            future.linesUp(w);
        }
        return w;
    }

    /** Answers the owner of a hold who asks again; under the lock. */
    static Answer reenter(Hold own, KeyedLockerSettings settings) {
        if (!settings.reentrant()) {
            return Answer.Refusal.REENTRY;
        }
        Reentry again = new Reentry(own);
        own.addReentry();
        return again;
    }

    /** Keeps the entry of a key in the table, making it if there is none. */
    Entry pin(Object key, int hash) {
        lock();
        try {
            Entry e = find(key, hash);
            if (e == null) {
                e = insert(key, hash);
            }
            Crowd c = e.crowd();
            c.pins++;
            if (c.pinNumber == 0) {
                c.pinNumber = ++lastPin;
            }
            return e;
        } finally {
            unlock();
        }
    }

    // ---- leaving

    /**
     * Closes the permit that an entry is. As {@link #giveBack}, but for the short way: most often it is the only one of its key,
     * and nothing follows.
     */
    void giveBackEntry(Entry entry) {
        Hold ended = null;
        Aftermath aftermath = null;
        lock();
        try {
            if (watch == null && entry.closeIfAlone()) {
                ended = entry;
                remove(entry);
            } else if (entry.closeFirst() && !entry.isHeld()) {
                ended = entry;
                aftermath = end(entry);
            }
        } finally {
            unlock();
        }
        tellAndCarryOut(ended, aftermath);
    }

    /** Closes a permit: the hold's own, or that of a re-entry. */
    void giveBack(Hold hold, @Nullable Reentry reentry) {
        Hold ended = null;
        Aftermath aftermath = null;
        lock();
        try {
            if ((reentry == null ? hold.closeFirst() : reentry.closeOnce()) && !hold.isHeld()) {
                ended = hold;
                aftermath = end(hold);
            }
        } finally {
            unlock();
        }
        tellAndCarryOut(ended, aftermath);
    }

    /** Takes a hold that is over out of its entry; under the lock. */
    private @Nullable Aftermath end(Hold hold) {
        Entry e = hold.entry();
        Crowd c = e.crowdIfAny();
        if (c == null) {
            hold.owner = null;
            IdleWatch idle = evict(e);
            return idle == null ? null : new Aftermath(null, null, idle, null);
        }
        c.removeHold(hold);
        return c.remote != null && hold instanceof LeasedHold leased
                ? c.remote.settle(e, c, leased.remote)
                : settle(e, c);
    }

    /** Tells the listeners, if a hold has ended; with no lock held. */
    private void tellAndCarryOut(@Nullable Hold ended, @Nullable Aftermath aftermath) {
        try {
            ListenerCalls heard = ended == null ? null : locker.events();
            if (heard != null && ended != null) {
                heard.released(ended);
            }
        } finally {
            // Others wait for it, whatever becomes of the telling.
            if (aftermath != null) {
                aftermath.carryOut();
            }
        }
    }

    /**
     * Takes a waiter out of the queue that waits no longer; under the lock.
     *
     * @param outcome what its status becomes
     * @return what follows
     */
    @Nullable
    Aftermath leave(Waiter waiter, int outcome) {
        Entry e = waiter.entry;
        Crowd c = e.crowd();
        c.dequeue(waiter);
        waiter.status = outcome;
        return settle(e, c);
    }

    void unpin(Entry entry) {
        Aftermath aftermath;
        lock();
        try {
            Crowd c = entry.crowd();
            c.pins--;
            aftermath = settle(entry, c);
        } finally {
            unlock();
        }
        if (aftermath != null) {
            aftermath.carryOut();
        }
    }

    /**
     * Restores the invariants of a key after a permit became free or the head of its queue has changed, and takes the entry
     * out if nobody needs it any more; under the lock.
     *
     * @return what is to be done once the lock is free, or null
     */
    @Nullable
    Aftermath settle(Entry e, Crowd c) {
        if (c.remote != null) {
            return c.remote.settle(e, c, null);
        }
        Waiter awake = c.head;
        if (awake != null && awake.signalled && !locker.fair) {
            // It will look, and nobody is to be handed a permit before.
            return null;
        }
        Waiter granted = c.grantHead();
        Waiter signalled = c.signalHead();
        IdleWatch idle = c.isNeeded() ? null : evict(e);
        return granted == null && signalled == null && idle == null
                ? null
                : new Aftermath(granted, signalled, idle, null);
    }

    /**
     * What a section has decided for others.
     *
     * @param done those whose wait has ended, linked by {@link Waiter#nextDone}
     * @param signalled a thread that may look for a free permit
     * @param idle the watch whose moment has come
     * @param remote what the backend is told
     */
    record Aftermath(
            @Nullable Waiter done,
            @Nullable Waiter signalled,
            @Nullable IdleWatch idle,
            RemoteKey.@Nullable Steps remote) {

        /** To be called with no lock held: futures run their callers' code. */
        void carryOut() {
            if (remote != null) {
                remote.carryOut();
            }
            if (signalled != null) {
                signalled.unparkThread();
            }
            if (idle != null) {
                idle.announce();
            }
            for (Waiter w = done; w != null; ) {
                Waiter following = w.nextDone;
                w.nextDone = null;
                if (w.future == null) {
                    w.unparkThread();
                } else {
                    Deliveries.deliver(w);
                }
                w = following;
            }
        }

        /** As {@link #carryOut()}, on a thread that must not run anybody's code: the timer's, or one of a backend. */
        void carryOutElsewhere() {
            if (remote != null) {
                remote.carryOut();
            }
            Waiter futures = null;
            Waiter last = null;
            for (Waiter w = done; w != null; ) {
                Waiter following = w.nextDone;
                w.nextDone = null;
                if (w.future == null) {
                    w.unparkThread();
                } else {
                    if (last == null) {
                        futures = w;
                    } else {
                        last.nextDone = w;
                    }
                    last = w;
                }
                w = following;
            }
            if (futures != null || idle != null) {
                Background.execute(new Aftermath(futures, null, idle, null)::carryOut);
            }
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
            e.crowd().setOwner(hold, thread);
            return true;
        } finally {
            unlock();
        }
    }

    void disown(Hold hold) {
        lock();
        try {
            hold.entry().crowd().setOwner(hold, null);
        } finally {
            unlock();
        }
    }
}
