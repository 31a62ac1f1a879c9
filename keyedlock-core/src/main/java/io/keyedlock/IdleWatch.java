// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts the active keys of a locker while somebody waits for the first moment without any. Made with all stripes locked,
 * so that the count begins exact, and kept by every stripe under its lock from then on, so that it stays exact.
 */
final class IdleWatch {

    private final Stripes stripes;

    private final AtomicLong active;

    /** Who waits. Guarded by the lock under which stripes are made. */
    private final Set<CompletableFuture<Void>> waiting = Collections.newSetFromMap(new IdentityHashMap<>());

    /** Set for good at the idle moment, under the stripe where it happened. */
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

    void add(CompletableFuture<Void> future) {
        waiting.add(future);
    }

    /** Removes one who waits no longer; returns true if nobody is left. */
    @SuppressWarnings("CollectionUndefinedEquality") // the set goes by identity
    boolean forget(CompletableFuture<Void> future) {
        return waiting.remove(future) && waiting.isEmpty();
    }

    List<CompletableFuture<Void>> takeAll() {
        List<CompletableFuture<Void>> all = List.copyOf(waiting);
        waiting.clear();
        return all;
    }

    /** The idle moment has come. To be called with no lock held. */
    void announce() {
        for (CompletableFuture<Void> future : stripes.endWatch(this)) {
            future.complete(null);
        }
    }
}
