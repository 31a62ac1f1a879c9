// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Counts the active keys of a locker while a caller waits for the first moment without any. Created with all stripes locked, so
 * that the count starts exact. Every stripe updates it under its lock, so that it stays exact.
 */
final class IdleWatch {

    /** The future of a caller that waits for the idle moment. Guarded by {@code Stripes.growth}. */
    static final class Awaiting extends CompletableFuture<Void> implements Runnable {

        private @Nullable IdleWatch watch;

        private @Nullable Awaiting previous;

        private @Nullable Awaiting next;

        @Override
        public void run() {
            complete(null);
        }
    }

    private final Stripes stripes;

    private final AtomicLong active;

    /** The waiting futures, latest first. Guarded by {@code Stripes.growth}. */
    private @Nullable Awaiting latest;

    /** Set for good at the idle moment, under the lock of the stripe that had the last key. */
    private volatile boolean over;

    IdleWatch(Stripes stripes, long active) {
        this.stripes = stripes;
        this.active = new AtomicLong(active);
    }

    void entered() {
        active.incrementAndGet();
    }

    /** Returns true if that was the last active key. */
    boolean left() {
        if (active.decrementAndGet() != 0) {
            return false;
        }
        over = true;
        return true;
    }

    boolean isOver() {
        return over;
    }

    void add(Awaiting future) {
        future.watch = this;
        future.next = latest;
        if (latest != null) {
            latest.previous = future;
        }
        latest = future;
    }

    /** Removes a future. Returns its watch, or null if it was removed already. */
    static @Nullable IdleWatch remove(Awaiting future) {
        IdleWatch w = future.watch;
        if (w == null) {
            return null;
        }
        if (future.previous == null) {
            w.latest = future.next;
        } else {
            future.previous.next = future.next;
        }
        if (future.next != null) {
            future.next.previous = future.previous;
        }
        future.watch = null;
        future.previous = null;
        future.next = null;
        return w;
    }

    boolean isAwaited() {
        return latest != null;
    }

    boolean isAwaitedBySeveral() {
        return latest != null && latest.next != null;
    }

    /** Removes and returns one of the waiting futures, or null. */
    @Nullable
    Awaiting poll() {
        Awaiting future = latest;
        if (future != null) {
            remove(future);
        }
        return future;
    }

    /**
     * Completes the waiting futures at the idle moment. Called with no lock held. Allocates nothing if only one future waits.
     */
    void announce() {
        if (stripes.endWatch(this)) {
            try {
                Background.schedule(this::takeOver, Background.STUCK_NANOS);
            } catch (RuntimeException | Error e) {
                // No thread can be started to take over. This one completes them.
            }
        }
        for (Awaiting future = stripes.poll(this); future != null; future = stripes.poll(this)) {
            future.complete(null);
        }
    }

    /** Completes the remaining futures on callback threads, in case the callbacks of one have not returned. */
    private void takeOver() {
        for (Awaiting future = stripes.poll(this); future != null; future = stripes.poll(this)) {
            Background.execute(future);
        }
    }
}
