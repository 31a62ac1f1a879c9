// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What an entry needs beyond its own hold: further holds, the queue, pins and locked views. Made when the first of these
 * comes up. Guarded by the stripe of the entry.
 *
 * <p>Invariants, whenever the stripe is unlocked:
 *
 * <ul>
 *   <li>{@code holdCount} is the number of holds that are held, the entry's own included, and at most the limit;
 *   <li>the queue holds exactly the waiters without a {@link Waiter#result};
 *   <li>if a permit is free and the queue is not empty, its head is a thread that was signalled and has not looked since.
 * </ul>
 *
 * <p>Where permits come from a backend, {@link BackendKey} has the invariants instead of the last.
 */
final class ContendedState {

    /** From how many holds on a thread's own one is looked up in a map. */
    private static final int INDEX_FROM = 16;

    /** How many newcomers may pass a signalled head before the clock is read for it. */
    private static final int PASSES_UNTIMED = 64;

    private final Entry entry;

    int holdCount;

    /**
     * The latest of the further holds, through which the others are found: one reference, as each that is written into an
     * object that has grown old costs something.
     */
    @Nullable
    ExtraHold latestHold;

    /** The further holds by owner; null while there are few, or where memory was too short for the map. */
    private @Nullable IdentityHashMap<Thread, ExtraHold> byOwner;

    /** The queue: who is served next, and where newcomers line up. */
    @Nullable
    Waiter head;

    private @Nullable Waiter tail;

    int waiterCount;

    /** How many newcomers have acquired a permit past the head since the clock was last read for it. */
    private int passes;

    /** What the key has besides where permits come from a backend; null in a locker without. Set before anybody waits. */
    @Nullable
    BackendKey remote;

    /** How many callers who take several keys keep this entry alive without holding or awaiting it yet. */
    int pins;

    /** Tells entries of equal hash apart, in the order in which they were pinned first. 0 until then. */
    long pinNumber;

    /** The {@code lock()} calls through views that were not undone yet, latest first. */
    LockView.@Nullable Locked locked;

    ContendedState(Entry entry) {
        this.entry = entry;
        this.holdCount = entry.isHeld() ? 1 : 0;
        entry.stripe.furtherHolds += holdCount - 1;
    }

    /**
     * Whether the end of a hold has consequences for those who wait. If not, the head was signalled already and will look, or nobody
     * waits.
     */
    boolean mustAct() {
        Waiter w = head;
        return remote != null || (w != null && (!w.signalled || passes >= PASSES_UNTIMED));
    }

    boolean isNeeded() {
        return holdCount > 0 || waiterCount > 0 || pins > 0;
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

    /** Admits a newcomer, who finds a permit free. */
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
        if (hold instanceof ExtraHold h) {
            if (h.newer == null) {
                latestHold = h.older;
            } else {
                h.newer.older = h.older;
            }
            if (h.older != null) {
                h.older.newer = h.newer;
            }
            // Whoever keeps the closed permit keeps no others with it.
            h.older = null;
            h.newer = null;
        }
    }

    /** The oldest of the further holds. */
    @Nullable
    ExtraHold oldestHold() {
        ExtraHold h = latestHold;
        while (h != null && h.older != null) {
            h = h.older;
        }
        return h;
    }

    /** Makes a thread the owner of a hold, or with null nobody. */
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
            // The list has them all.
            byOwner = null;
        }
    }

    /** Notes a hold in the index if there is one. Never fails: a release may come this way. */
    private void index(ExtraHold h) {
        if (byOwner != null && h.owner != null) {
            try {
                byOwner.put(h.owner, h);
            } catch (VirtualMachineError e) {
                byOwner = null;
            }
        }
    }

    /** Never fails: a map that was left halfway is dropped. */
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
            // Whoever keeps the future keeps no thread with it.
            waiter.asker = null;
        }
        waiterCount--;
        entry.stripe.waiters--;
    }

    /**
     * Hands free permits to the head of the queue as long as it must be handed one. To be called whenever a permit became free
     * or the head has changed, and to be followed by {@link #signalHead()}. Needs no memory.
     *
     * @return those that were granted a permit, linked by {@link Waiter#nextDone}, or null
     */
    @Nullable
    Waiter grantHead() {
        DefaultKeyedLocker<?> locker = entry.stripe.locker;
        Waiter first = null;
        Waiter last = null;
        for (Waiter w = head; w != null && holdCount < locker.limit && (locker.fair || isDue(w)); w = head) {
            w.hold.since = locker.stampOfHold();
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

    /** Ends a wait with the permit that was made for it. */
    void grant(Waiter w) {
        dequeue(w);
        addHold(w.hold);
        w.result = w.hold;
    }

    /** Whether a head is handed its permit even if newcomers may pass it. */
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
     * Marks the head as signalled if a permit is free for it to take, and notes since when it is the head.
     *
     * @return the head if it is to be unparked now; null if there is none or it was signalled before and has not looked yet
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
        if (holdCount >= entry.stripe.locker.limit || w.signalled) {
            return null;
        }
        w.signalled = true;
        return w;
    }
}
