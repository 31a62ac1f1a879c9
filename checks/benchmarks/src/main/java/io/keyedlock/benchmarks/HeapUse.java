// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** The reachable heap for held keys, for waiting futures, and afterwards. */
@SuppressWarnings("ReachabilityFenceUsage") // after an exception there is no figure
final class HeapUse {

    static final String HELD = "B per held key";

    static final String WAITING = "B per waiting future, its CompletableFuture aside";

    static final String RETAINED = "B retained after 1,000,000 keys one by one";

    static final String AFTER_PEAK = "B retained after 1,000,000 keys at once";

    private static final int MANY = 1_000_000;

    private static final int KEYS = 1_000;

    /** All lockers: one that is collected between two measurements would falsify their difference. */
    private static final List<KeyedLocker<String>> LOCKERS = new ArrayList<>();

    private HeapUse() {}

    private static KeyedLocker<String> locker() {
        KeyedLocker<String> locker = KeyedLocker.create();
        LOCKERS.add(locker);
        return locker;
    }

    static Map<String, List<Double>> measure() throws InterruptedException {
        // Classes and threads that are created once are not part of any figure.
        oneByOne(locker(), KEYS);
        held(KEYS);
        waiting(KEYS);
        plainFutures(KEYS);
        Map<String, List<Double>> values = new HashMap<>();
        values.put(RETAINED, List.of(retained()));
        double[] held = held(MANY);
        values.put(HELD, List.of(held[0] / MANY));
        values.put(AFTER_PEAK, List.of(held[1]));
        values.put(WAITING, List.of((waiting(MANY) - plainFutures(MANY)) / MANY));
        return values;
    }

    private static double retained() throws InterruptedException {
        KeyedLocker<String> locker = locker();
        double before = used();
        oneByOne(locker, MANY);
        double after = used();
        return after - before;
    }

    private static void oneByOne(KeyedLocker<String> locker, int keys) throws InterruptedException {
        for (int i = 0; i < keys; i++) {
            locker.acquire("key-" + i).close();
        }
    }

    /** With all keys held, and after that. */
    private static double[] held(int many) throws InterruptedException {
        KeyedLocker<String> locker = locker();
        String[] keys = KeyRing.fresh(many, 1);
        Permit[] permits = new Permit[many];
        double before = used();
        for (int i = 0; i < many; i++) {
            permits[i] = locker.acquire(keys[i]);
        }
        double during = used();
        for (int i = 0; i < many; i++) {
            permits[i].close();
            permits[i] = null;
        }
        double after = used();
        Reference.reachabilityFence(keys);
        Reference.reachabilityFence(permits);
        return new double[] {during - before, after - before};
    }

    private static double waiting(int many) throws InterruptedException {
        KeyedLocker<String> locker = locker();
        String[] keys = KeyRing.fresh(KEYS, 1);
        Permit[] permits = new Permit[KEYS];
        for (int i = 0; i < KEYS; i++) {
            permits[i] = locker.acquire(keys[i]);
        }
        CompletableFuture<?>[] futures = new CompletableFuture<?>[many];
        double before = used();
        for (int i = 0; i < many; i++) {
            futures[i] = locker.acquireAsync(keys[i % KEYS]);
        }
        double during = used();
        locker.close();
        Reference.reachabilityFence(permits);
        Reference.reachabilityFence(futures);
        return during - before;
    }

    private static double plainFutures(int many) throws InterruptedException {
        CompletableFuture<?>[] futures = new CompletableFuture<?>[many];
        double before = used();
        for (int i = 0; i < many; i++) {
            futures[i] = new CompletableFuture<>();
        }
        double during = used();
        Reference.reachabilityFence(futures);
        return during - before;
    }

    /** Returns the heap after full collections, once two consecutive ones agree. */
    private static double used() throws InterruptedException {
        Runtime runtime = Runtime.getRuntime();
        long last = Long.MAX_VALUE;
        for (int i = 0; i < 10; i++) {
            System.gc();
            long now = runtime.totalMemory() - runtime.freeMemory();
            if (last - now < 256 && now - last < 256) {
                return now;
            }
            last = now;
            Thread.sleep(20);
        }
        return last;
    }
}
