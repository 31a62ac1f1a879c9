// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** The cost of granting a waiting future. Each is granted by closing the permit of the previous one. */
final class Grants {

    static final String FEW = "ns per grant, 1,000 on one key";

    static final String MANY = "ns per grant, 1,000,000 on 1,000 keys";

    private static final int ROUNDS_OF_FEW = 1_000;

    private Grants() {}

    static Map<String, List<Double>> measure(int times) throws InterruptedException {
        List<Double> few = new ArrayList<>();
        List<Double> many = new ArrayList<>();
        fewTimes(ROUNDS_OF_FEW);
        time(1_000, 1_000);
        for (int i = 0; i < times; i++) {
            many.add(time(1_000, 1_000));
            few.add(fewTimes(ROUNDS_OF_FEW));
        }
        return Map.of(FEW, few, MANY, many);
    }

    private static double fewTimes(int rounds) throws InterruptedException {
        List<Double> times = new ArrayList<>();
        for (int i = 0; i < rounds; i++) {
            times.add(time(1, 1_000));
        }
        return Spread.median(times);
    }

    private static double time(int keys, int waitersEach) throws InterruptedException {
        KeyedLocker<String> locker = KeyedLocker.create();
        String[] names = KeyRing.fresh(keys, 1);
        List<Permit> first = new ArrayList<>(keys);
        for (String name : names) {
            first.add(locker.acquire(name));
        }
        List<CompletableFuture<Permit>> waiting = new ArrayList<>(keys * waitersEach);
        for (int i = 0; i < waitersEach; i++) {
            for (String name : names) {
                waiting.add(locker.acquireAsync(name));
            }
        }
        if (keys > 1) {
            System.gc();
        }
        long start = System.nanoTime();
        first.forEach(Permit::close);
        for (CompletableFuture<Permit> future : waiting) {
            future.join().close();
        }
        long nanos = System.nanoTime() - start;
        if (locker.activeKeyCount() > 0) {
            throw new AssertionError("something is still held");
        }
        return (double) nanos / waiting.size();
    }
}
