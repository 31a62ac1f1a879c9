// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The table of a locker: stripes, selected by the high bits of the key's hash. A stripe is created when its first key is
 * acquired, so that an empty locker is small. Also manages the callers that wait for the first moment without an active key.
 */
final class Stripes {

    /** The number of stripes: a power of two, large enough that two processors seldom use the same stripe. */
    private static final int COUNT = Math.max(
            64, Math.min(256, Integer.highestOneBit(Runtime.getRuntime().availableProcessors() * 8 - 1)));

    private static final int SHIFT = Integer.numberOfLeadingZeros(COUNT) + 1;

    private static final VarHandle ELEMENTS = MethodHandles.arrayElementVarHandle(Stripe[].class);

    private final Engine locker;

    /** Elements are set once, through {@link #ELEMENTS}. */
    private final @Nullable Stripe[] stripes = new Stripe[COUNT];

    /** Guards the creation of stripes and the idle watch. Locked before any stripe. */
    private final SpinLock growth = new SpinLock();

    /** The idle watch, or null. Every stripe has a copy. Guarded by {@code growth}; written with all stripes locked, too. */
    private @Nullable IdleWatch watch;

    Stripes(Engine locker) {
        this.locker = locker;
    }

    /** Spreads a hash code over all bits. Different hash codes have different results. */
    static int spread(int hashCode) {
        int h = hashCode * 0x9E3779B9;
        return h ^ (h >>> 16);
    }

    /** Returns the stripe of a hash, creating it if there is none. */
    Stripe of(int hash) {
        Stripe s = existing(hash);
        return s != null ? s : create(hash >>> SHIFT);
    }

    /** Returns the stripe of a hash, or null if it was not created yet. */
    @Nullable
    Stripe existing(int hash) {
        return (Stripe) ELEMENTS.getAcquire(stripes, hash >>> SHIFT);
    }

    private Stripe create(int index) {
        Stripe created = new Stripe(locker);
        growth.lock();
        try {
            Stripe other = (Stripe) ELEMENTS.getVolatile(stripes, index);
            if (other != null) {
                return other;
            }
            created.watch = watch;
            // Volatile, not release: see all().
            ELEMENTS.setVolatile(stripes, index, created);
            return created;
        } finally {
            growth.unlock();
        }
    }

    /**
     * Returns all stripes created so far, in the order in which they are locked. If one is missing, then the thread that
     * created it will read what the caller has written to a volatile field before this call.
     */
    List<Stripe> all() {
        List<Stripe> all = new ArrayList<>();
        for (int i = 0; i < COUNT; i++) {
            Stripe s = (Stripe) ELEMENTS.getVolatile(stripes, i);
            if (s != null) {
                all.add(s);
            }
        }
        return all;
    }

    /** Ends all waits because the locker was closed. Unparks every thread before the first callback of a future runs. */
    void endAllWaits() {
        Waiter ended = null;
        for (Stripe s : all()) {
            ended = endWaits(s, ended);
        }
        Stripe.unparkThreads(ended);
        for (Waiter w = ended; w != null; w = w.nextDone) {
            if (w.request != null) {
                w.request.cancel();
            }
        }
        Stripe.completeFutures(ended, null, false);
        announceIfOver();
    }

    /**
     * Ends all waits of a stripe because the locker was closed. The caller must complete them.
     *
     * @param others waits that were ended before
     * @return those and the waits of the stripe, linked by {@link Waiter#nextDone}. {@link Waiter#request} of the last waiter
     *     of each key is the request to cancel, if any
     */
    private static @Nullable Waiter endWaits(Stripe stripe, @Nullable Waiter others) {
        Headroom.checkForSection();
        Waiter first = others;
        stripe.lock();
        try {
            for (Entry e = stripe.firstEntry(); e != null; e = stripe.entryAfter(e)) {
                ContendedState c = e.contendedIfAny();
                for (Waiter w = c == null ? null : c.head; c != null && w != null; w = c.head) {
                    c.dequeue(w);
                    w.request = c.head == null && c.backendKey != null ? c.backendKey.requestToCancel(c) : null;
                    w.result = RejectReason.CLOSED;
                    w.nextDone = first;
                    first = w;
                }
            }
            for (Waiter w = first; w != others && w != null; w = w.nextDone) {
                boolean lastOfKey = w.nextDone == others || w.nextDone == null || w.nextDone.entry != w.entry;
                if (lastOfKey && !w.entry.contended().isNeeded()) {
                    stripe.evict(w.entry);
                }
            }
        } finally {
            stripe.unlock();
        }
        return first;
    }

    /** Announces the idle moment if it has come. For callers that may have removed the last entry. */
    void announceIfOver() {
        growth.lock();
        IdleWatch idle = watch;
        growth.unlock();
        if (idle != null && idle.isOver()) {
            idle.announce();
        }
    }

    int activeCount() {
        long sum = 0;
        for (int i = 0; i < COUNT; i++) {
            Stripe s = (Stripe) ELEMENTS.getAcquire(stripes, i);
            if (s != null) {
                sum += s.active();
            }
        }
        return (int) Math.min(sum, Integer.MAX_VALUE);
    }

    /** Returns whether no key is active, locking and checking one stripe at a time. */
    boolean looksIdle() {
        for (Stripe s : all()) {
            boolean active;
            s.lock();
            try {
                active = s.active() > 0;
            } finally {
                s.unlock();
            }
            if (active) {
                return false;
            }
        }
        return true;
    }

    // ---- waiting for the idle moment

    CompletableFuture<Void> whenIdle() {
        IdleWatch.Awaiting future = new IdleWatch.Awaiting();
        if (!watchFor(future)) {
            future.complete(null);
            return future;
        }
        // Runs however the future is completed, also from outside and by obtruding.
        future.whenComplete((nothing, failure) -> remove(future));
        return future;
    }

    /** Registers a future to be completed at the next idle moment; returns false if that is now. */
    private boolean watchFor(IdleWatch.Awaiting future) {
        Headroom.checkForWait();
        growth.lock();
        try {
            List<Stripe> all = all();
            all.forEach(SpinLock::lock);
            try {
                IdleWatch w = watch;
                if (w == null || w.isOver()) {
                    long active = 0;
                    for (Stripe s : all) {
                        active += s.active();
                    }
                    if (active == 0) {
                        return false;
                    }
                    w = new IdleWatch(this, active);
                    watch = w;
                    for (Stripe s : all) {
                        s.watch = w;
                    }
                }
                w.add(future);
                return true;
            } finally {
                all.forEach(SpinLock::unlock);
            }
        } finally {
            growth.unlock();
        }
    }

    /** Ends a watch whose idle moment has come; returns whether several futures wait for it. */
    boolean endWatch(IdleWatch ended) {
        growth.lock();
        try {
            disarm(ended);
            return ended.isAwaitedBySeveral();
        } finally {
            growth.unlock();
        }
    }

    /** Removes and returns one of the futures that wait for a watch that has ended, or null. */
    IdleWatch.@Nullable Awaiting poll(IdleWatch ended) {
        growth.lock();
        try {
            return ended.poll();
        } finally {
            growth.unlock();
        }
    }

    private void remove(IdleWatch.Awaiting future) {
        Headroom.checkForWait();
        growth.lock();
        try {
            IdleWatch w = IdleWatch.remove(future);
            if (w != null && !w.isAwaited()) {
                disarm(w);
            }
        } finally {
            growth.unlock();
        }
    }

    /** Removes a watch from all stripes. Allocates nothing, because a release may call it. */
    private void disarm(IdleWatch ended) {
        if (watch != ended) {
            return;
        }
        watch = null;
        for (int i = 0; i < COUNT; i++) {
            Stripe s = (Stripe) ELEMENTS.getVolatile(stripes, i);
            if (s != null) {
                s.lock();
            }
        }
        for (int i = 0; i < COUNT; i++) {
            Stripe s = (Stripe) ELEMENTS.getVolatile(stripes, i);
            if (s != null) {
                s.watch = null;
                s.unlock();
            }
        }
    }
}
