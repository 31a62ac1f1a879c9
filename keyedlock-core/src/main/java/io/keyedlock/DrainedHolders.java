// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The threads that may hold a key of a draining locker. Any other thread is rejected without a search through all keys.
 * Contains every thread that holds a key. May contain others, for which the keys are then searched.
 *
 * <p>{@link #gather} visits all stripes after the locker has begun to reject callers, so it finds each thread that was admitted
 * before. Later, a thread becomes the owner of a hold in three ways, each of which adds it here: a wait ends, a task of
 * {@code supplyAsync} begins, or a thread that already holds a key is admitted.
 */
final class DrainedHolders {

    /**
     * The identity hash codes of the threads: they keep no thread reachable, and call no method that a subclass may override.
     */
    private final Set<Integer> threads = ConcurrentHashMap.newKeySet();

    private volatile boolean complete;

    void gather(Stripes stripes) {
        for (Stripe stripe : stripes.all()) {
            Inspection.forEach(
                    stripe,
                    e -> e.forEachHold(hold -> {
                        if (hold.owner != null) {
                            add(hold.owner);
                        }
                    }));
        }
        complete = true;
    }

    void add(Thread thread) {
        threads.add(System.identityHashCode(thread));
    }

    boolean mayInclude(Thread thread) {
        return !complete || threads.contains(System.identityHashCode(thread));
    }
}
