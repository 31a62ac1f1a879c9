// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The cost per key of acquiring and releasing if all keys are held at once, for few and for many keys. */
final class HeldGrowth {

    static final String FEW = "ns per key, 1,000 held";

    static final String MANY = "ns per key, 1,000,000 held";

    private static final int FEW_KEYS = 1_000;

    private static final int MANY_KEYS = 1_000_000;

    private static final int ROUNDS_OF_FEW = 2_000;

    private HeldGrowth() {}

    /** Acquires a number of keys, holds all of them, and releases them. */
    private interface Round {
        void hold(String[] keys) throws InterruptedException;
    }

    static Map<String, List<Double>> measure(Contestants contestant, int times) throws InterruptedException {
        Round round = contestant == Contestants.KEYEDLOCK ? ours() : byHand();
        String[] few = KeyRing.fresh(FEW_KEYS, 1);
        String[] many = KeyRing.fresh(MANY_KEYS, 1);
        time(round, few, ROUNDS_OF_FEW);
        time(round, few, ROUNDS_OF_FEW);
        List<Double> ofFew = new ArrayList<>();
        List<Double> ofMany = new ArrayList<>();
        time(round, many, 1);
        for (int i = 0; i < times; i++) {
            System.gc();
            ofMany.add(time(round, many, 1));
            System.gc();
            ofFew.add(time(round, few, ROUNDS_OF_FEW));
        }
        return Map.of(FEW, ofFew, MANY, ofMany);
    }

    private static double time(Round round, String[] keys, int times) throws InterruptedException {
        long start = System.nanoTime();
        for (int i = 0; i < times; i++) {
            round.hold(keys);
        }
        return (double) (System.nanoTime() - start) / times / keys.length;
    }

    private static Round ours() {
        KeyedLocker<String> locker = KeyedLocker.create();
        Permit[] permits = new Permit[MANY_KEYS];
        return keys -> {
            for (int i = 0; i < keys.length; i++) {
                permits[i] = locker.acquire(keys[i]);
            }
            for (int i = 0; i < keys.length; i++) {
                permits[i].close();
            }
        };
    }

    private static Round byHand() {
        ConcurrentHashMap<String, CountedLock> locks = new ConcurrentHashMap<>();
        CountedLock[] held = new CountedLock[MANY_KEYS];
        return keys -> {
            for (int i = 0; i < keys.length; i++) {
                held[i] = CountedLock.lock(locks, keys[i]);
            }
            for (int i = 0; i < keys.length; i++) {
                held[i].unlock(locks, keys[i]);
            }
        };
    }
}
