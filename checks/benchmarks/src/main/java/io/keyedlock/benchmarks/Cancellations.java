// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** The cost of cancelling the waiters of one key, from the middle of the queue outwards. */
final class Cancellations {

    static final String FEW = "ns per waiter, 1,000";

    static final String MANY = "ns per waiter, 100,000";

    private static final int ROUNDS_OF_FEW = 300;

    private Cancellations() {}

    static Map<String, List<Double>> measure(int times) throws InterruptedException {
        List<Double> few = new ArrayList<>();
        List<Double> many = new ArrayList<>();
        fewTimes(ROUNDS_OF_FEW);
        time(100_000);
        for (int i = 0; i < times; i++) {
            many.add(time(100_000));
            few.add(fewTimes(ROUNDS_OF_FEW));
        }
        return Map.of(FEW, few, MANY, many);
    }

    private static double fewTimes(int rounds) throws InterruptedException {
        List<Double> times = new ArrayList<>();
        for (int i = 0; i < rounds; i++) {
            times.add(time(1_000));
        }
        return Spread.median(times);
    }

    private static double time(int waiters) throws InterruptedException {
        KeyedLocker<String> locker = KeyedLocker.create();
        try (Permit permit = locker.acquire("key")) {
            List<CompletableFuture<Permit>> waiting = new ArrayList<>(waiters);
            for (int i = 0; i < waiters; i++) {
                waiting.add(locker.acquireAsync("key"));
            }
            if (waiters > 1_000) {
                System.gc();
            }
            int cancelled = 0;
            long start = System.nanoTime();
            for (int i = 0; i < waiters / 2; i++) {
                cancelled += waiting.get(waiters / 2 + i).cancel(false) ? 1 : 0;
                cancelled += waiting.get(waiters / 2 - 1 - i).cancel(false) ? 1 : 0;
            }
            long nanos = System.nanoTime() - start;
            if (cancelled != waiters) {
                throw new AssertionError("only " + cancelled + " cancelled by " + permit);
            }
            return (double) nanos / waiters;
        }
    }
}
