// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The table of a locker: stripes by the high bits of the key's hash, made when a key first falls into them, so that an
 * empty locker is small. Also the place where callers wait for the first moment without an active key.
 */
final class Stripes {

    /** A power of two: so many that two processors seldom meet in one. */
    private static final int COUNT = Math.max(
            64, Math.min(256, Integer.highestOneBit(Runtime.getRuntime().availableProcessors() * 8 - 1)));

    private static final int SHIFT = Integer.numberOfLeadingZeros(COUNT) + 1;

    private static final VarHandle ELEMENTS = MethodHandles.arrayElementVarHandle(Stripe[].class);

    private final DefaultKeyedLocker<?> locker;

    /** Its elements are set once, by {@link #ELEMENTS}. */
    private final @Nullable Stripe[] stripes = new Stripe[COUNT];

    /** Guards the making of stripes and the waiting for an idle moment. Taken before any stripe's lock. */
    private final SpinLock growth = new SpinLock();

    /** Written with {@link #growth} and all stripes locked; every stripe has a copy. */
    private @Nullable IdleWatch watch;

    Stripes(DefaultKeyedLocker<?> locker) {
        this.locker = locker;
    }

    /** Spreads a hash code over all bits, without giving two hash codes the same result. */
    static int spread(int hashCode) {
        int h = hashCode * 0x9E3779B9;
        return h ^ (h >>> 16);
    }

    Stripe of(int hash) {
        Stripe s = ifMade(hash);
        return s != null ? s : make(hash >>> SHIFT);
    }

    /** The stripe if it was made, for callers who only look. */
    @Nullable
    Stripe ifMade(int hash) {
        return (Stripe) ELEMENTS.getAcquire(stripes, hash >>> SHIFT);
    }

    private Stripe make(int index) {
        Stripe made = new Stripe(locker);
        growth.lock();
        try {
            Stripe other = (Stripe) ELEMENTS.getVolatile(stripes, index);
            if (other != null) {
                return other;
            }
            made.watch = watch;
            // Volatile, not release: see all().
            ELEMENTS.setVolatile(stripes, index, made);
            return made;
        } finally {
            growth.unlock();
        }
    }

    /**
     * All stripes made so far, in the order in which they are locked. If one is missing, then whoever made it reads what the
     * caller has written to a volatile field before this call.
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

    /** Ends all waits because the locker was closed: wakes every thread before a future's callback runs. */
    void endAllWaits() {
        Waiter ended = null;
        for (Stripe s : all()) {
            ended = s.closeWaiters(ended);
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

    /** Announces the idle moment if it has come: for callers that have removed an entry and do not know whether it was the last. */
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

    /** Whether nothing is active, asking every stripe under its lock, one after the other. */
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
        // However it is completed, also from outside and by obtruding.
        future.whenComplete((nothing, failure) -> forget(future));
        return future;
    }

    /** Has a future completed at the next idle moment; returns false if that is now. */
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

    /** Ends a watch whose moment has come; returns whether several futures wait for it. */
    boolean endWatch(IdleWatch ended) {
        growth.lock();
        try {
            disarm(ended);
            return ended.isAwaitedBySeveral();
        } finally {
            growth.unlock();
        }
    }

    /** Removes and returns one who waits for a watch that has ended, or null. */
    IdleWatch.@Nullable Awaiting poll(IdleWatch ended) {
        growth.lock();
        try {
            return ended.poll();
        } finally {
            growth.unlock();
        }
    }

    private void forget(IdleWatch.Awaiting future) {
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

    /** Allocates nothing: it may be part of a release. */
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
