// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The threads that may hold a key of a locker that refuses new callers, so that any other thread is refused without a look
 * at all keys. Has every thread that holds a key; may have others, which are then looked for among the holders.
 *
 * <p>{@link #gather} goes through all stripes after the locker has begun to refuse callers, so it finds each thread that
 * came in before. From then on, threads come to own a hold in three ways, each of which adds them here: a wait ends, a task
 * of {@code supplyAsync} begins, or a thread that holds something already is admitted.
 */
final class DrainedHolders {

    /** Identity hash codes: neither keeps a thread alive nor calls a method that a class of threads may override. */
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
