// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The state of a contended key: the holds beyond the entry's own, the queue, pins and locked views. Created when the first of
 * these is needed. {@link Engine} draws the queue and states the invariants.
 *
 * <p>Guarded by the stripe's lock.
 */
final class ContendedState {

    /** The number of holds above which the holds are indexed by owner. */
    private static final int INDEX_FROM = 16;

    /** The number of newcomers that may overtake a signalled head before the clock is read. */
    private static final int PASSES_UNTIMED = 64;

    private final Entry entry;

    /**
     * The number of holds that are held, including the entry's own. Grows only while it is less than the limit, which may have
     * been lowered since.
     */
    int holdCount;

    /**
     * The latest of the further holds, which links to the others. There is only one reference, because writing a
     * reference into an old object has a cost.
     */
    @Nullable
    ExtraHold latestHold;

    /** The further holds by owner. Null while there are few, or if there was no memory for the map. */
    private @Nullable IdentityHashMap<Thread, ExtraHold> byOwner;

    /** The head of the queue, which is granted the next permit. */
    @Nullable
    Waiter head;

    private @Nullable Waiter tail;

    int waiterCount;

    /** The limit of this key, or null if it was not asked for yet; see {@link Limits}. */
    private Limits.@Nullable Answer keyLimit;

    /** The number of newcomers that have overtaken the head since the clock was last read. */
    private int passes;

    /** The state of a key whose permits come from a backend; null without a backend. Set before the first caller waits. */
    @Nullable
    BackendKey backendKey;

    /** The number of multi-key callers that keep this entry in the table without holding or awaiting it yet. */
    int pins;

    /** Orders entries of equal hash by the time of their first pin. 0 until then. */
    long pinNumber;

    /** The {@code lock()} calls through views that were not unlocked yet, latest first. */
    LockView.@Nullable Locked locked;

    ContendedState(Entry entry) {
        this.entry = entry;
        this.holdCount = entry.isHeld() ? 1 : 0;
        entry.stripe.furtherHolds += holdCount - 1;
    }

    /**
     * Returns whether the end of a hold must be handed off. If not, the queue is empty, or the head was signalled already and
     * will check for a permit.
     */
    boolean mustHandOff() {
        Waiter w = head;
        return backendKey != null || (w != null && (!w.signalled || passes >= PASSES_UNTIMED));
    }

    boolean isNeeded() {
        return holdCount > 0 || waiterCount > 0 || pins > 0;
    }

    /** Returns the limit of this key. */
    int limit() {
        Limits.Answer own = keyLimit;
        return own == null || own.limit() == 0 ? entry.stripe.locker.limits.ofLocker() : own.limit();
    }

    Limits.@Nullable Answer keyLimit() {
        return keyLimit;
    }

    /** Records the limit of this key, unless a later answer is known. */
    boolean setLimit(Limits.Answer answer) {
        if (keyLimit != null && keyLimit.refreshes() - answer.refreshes() > 0) {
            return false;
        }
        keyLimit = answer;
        return true;
    }

    @Nullable
    Hold holdOf(Thread thread) {
        if (byOwner == null && holdCount > INDEX_FROM) {
            buildIndex();
        }
        if (byOwner != null) {
            return byOwner.get(thread);
        }
        for (ExtraHold h = latestHold; h != null; h = h.older) {
            if (h.owner == thread && h.isHeld()) {
                return h;
            }
        }
        return null;
    }

    /** Admits a newcomer that has found a permit free. */
    ExtraHold admit(ExtraHold hold) {
        if (head != null) {
            passes++;
        }
        addHold(hold);
        return hold;
    }

    void addHold(ExtraHold h) {
        index(h);
        ExtraHold before = latestHold;
        if (before != null) {
            h.older = before;
            before.newer = h;
        }
        latestHold = h;
        holdCount++;
        entry.stripe.furtherHolds++;
    }

    void removeHold(Hold hold) {
        holdCount--;
        entry.stripe.furtherHolds--;
        setOwner(hold, null);
        if (hold == latestHold && latestHold.older == null) {
            latestHold = null;
        } else if (hold instanceof ExtraHold h) {
            if (h.newer == null) {
                latestHold = h.older;
            } else {
                h.newer.older = h.older;
            }
            if (h.older != null) {
                h.older.newer = h.newer;
            }
            // A closed permit must not keep others reachable.
            h.older = null;
            h.newer = null;
        }
    }

    /** Returns the oldest of the further holds, or null. */
    @Nullable
    ExtraHold oldestHold() {
        ExtraHold h = latestHold;
        while (h != null && h.older != null) {
            h = h.older;
        }
        return h;
    }

    /** Sets the owner of a hold; with null, no thread owns it. */
    void setOwner(Hold hold, @Nullable Thread owner) {
        Thread before = hold.owner;
        hold.owner = owner;
        if (hold instanceof ExtraHold h) {
            removeFromIndex(h, before);
            index(h);
        }
    }

    private void buildIndex() {
        try {
            IdentityHashMap<Thread, ExtraHold> index = new IdentityHashMap<>(2 * holdCount);
            for (ExtraHold h = latestHold; h != null; h = h.older) {
                if (h.owner != null) {
                    index.put(h.owner, h);
                }
            }
            byOwner = index;
        } catch (VirtualMachineError e) {
            // The list contains them all.
            byOwner = null;
        }
    }

    /** Adds a hold to the index if there is one. Never fails, because a release may call it. */
    private void index(ExtraHold h) {
        if (byOwner != null && h.owner != null) {
            try {
                byOwner.put(h.owner, h);
            } catch (VirtualMachineError e) {
                byOwner = null;
            }
        }
    }

    /** Removes a hold from the index if there is one. Never fails: a map that was changed halfway is dropped. */
    private void removeFromIndex(ExtraHold h, @Nullable Thread owner) {
        if (byOwner != null && owner != null) {
            try {
                byOwner.remove(owner, h);
            } catch (VirtualMachineError e) {
                byOwner = null;
            }
        }
    }

    void enqueue(Waiter waiter) {
        waiter.previous = tail;
        if (tail == null) {
            head = waiter;
            waiter.headSince = waiter.since;
            passes = 0;
        } else {
            tail.next = waiter;
        }
        tail = waiter;
        waiterCount++;
        entry.stripe.waiters++;
    }

    void dequeue(Waiter waiter) {
        if (waiter.previous == null) {
            head = waiter.next;
            passes = 0;
        } else {
            waiter.previous.next = waiter.next;
        }
        if (waiter.next == null) {
            tail = waiter.previous;
        } else {
            waiter.next.previous = waiter.previous;
        }
        waiter.previous = null;
        waiter.next = null;
        if (waiter.future != null) {
            // The future must not keep the thread reachable.
            waiter.requester = null;
        }
        waiterCount--;
        entry.stripe.waiters--;
    }

    /**
     * Hands off free permits to the head of the queue for as long as the head must be handed one. Called whenever a
     * permit became free or the head has changed, and followed by {@link #signalHead()}. Allocates nothing.
     *
     * @return the waiters that were granted a permit, linked by {@link Waiter#nextDone}, or null
     */
    @Nullable
    Waiter grantHead() {
        return grant(entry.stripe.locker.fair);
    }

    /**
     * Hands off all free permits because the limit was raised. Grants nothing with a backend, which is asked for each permit.
     *
     * @return the waiters that were granted a permit, linked by {@link Waiter#nextDone}, or null
     */
    @Nullable
    Waiter grantAll() {
        return backendKey == null ? grant(true) : null;
    }

    private @Nullable Waiter grant(boolean evenIfNotDue) {
        Engine locker = entry.stripe.locker;
        int limit = limit();
        Waiter first = null;
        Waiter last = null;
        for (Waiter w = head; w != null && holdCount < limit && (evenIfNotDue || isDue(w)); w = head) {
            w.hold.since = locker.holdStart();
            grant(w);
            if (last == null) {
                first = w;
            } else {
                last.nextDone = w;
            }
            last = w;
        }
        return first;
    }

    /** Ends a wait with the permit that was created for it. */
    void grant(Waiter w) {
        dequeue(w);
        addHold(w.hold);
        w.result = w.hold;
    }

    /** Returns whether the head is handed its permit although newcomers could overtake it. */
    private boolean isDue(Waiter w) {
        if (w.future != null) {
            return true;
        }
        if (w.signalled && passes < PASSES_UNTIMED) {
            return false;
        }
        passes = 0;
        return w.isOverdue(entry.stripe.locker.clock.nanoTime());
    }

    /**
     * Marks the head as signalled if a permit is free, and records when it became the head.
     *
     * @return the head if it is to be unparked now; null if there is none, or if it was signalled before and has not checked
     *     since
     */
    @Nullable
    Waiter signalHead() {
        Waiter w = head;
        if (w == null) {
            return null;
        }
        if (w.headSince == 0 && w.thread != null) {
            w.headSince = entry.stripe.locker.clock.nanoTime();
        }
        // A future is granted its permit instead; its flag would only hide that from the next release.
        if (w.thread == null || holdCount >= limit() || w.signalled) {
            return null;
        }
        w.signalled = true;
        return w;
    }
}
