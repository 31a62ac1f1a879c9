// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.infra.Blackhole;

/** The wait of each of 16 threads for the hot key: the time of every acquisition. */
final class HotKeyWaits {

    static final String P50 = "median wait ms";

    static final String P99 = "99th percentile ms";

    static final String P999 = "99.9th percentile ms";

    static final String P999_REAL = "99.9th percentile of the waits over 1 us, ms";

    static final String MAX = "maximum ms";

    private static final int THREADS = 16;

    /** Buckets per power of two. */
    private static final int FINENESS = 32;

    private HotKeyWaits() {}

    static Map<String, List<Double>> measure(Contestants contestant, long tokens, int seconds)
            throws InterruptedException {
        Contestant locks = contestant.create();
        run(locks, tokens, 1);
        long[] counts = run(locks, tokens, seconds);
        long[] real = counts.clone();
        Arrays.fill(real, 0, bucket(1_000), 0);
        return Map.of(
                P999_REAL, List.of(millis(real, 0.999)),
                P50, List.of(millis(counts, 0.5)),
                P99, List.of(millis(counts, 0.99)),
                P999, List.of(millis(counts, 0.999)),
                MAX, List.of(millis(counts, 1)));
    }

    private static long[] run(Contestant locks, long tokens, int seconds) throws InterruptedException {
        CountDownLatch ready = new CountDownLatch(THREADS);
        CountDownLatch go = new CountDownLatch(1);
        List<Waiting> all = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            Waiting w = new Waiting(locks, tokens, seconds, ready, go);
            all.add(w);
            w.start();
        }
        ready.await();
        go.countDown();
        long[] sum = new long[64 * FINENESS];
        for (Waiting w : all) {
            w.join();
            for (int i = 0; i < sum.length; i++) {
                sum[i] += w.counts[i];
            }
        }
        return sum;
    }

    private static int bucket(long nanos) {
        if (nanos < FINENESS) {
            return (int) Math.max(0, nanos);
        }
        int power = 63 - Long.numberOfLeadingZeros(nanos / FINENESS);
        return power * FINENESS + (int) (nanos >> power);
    }

    /** The upper end of the bucket in which a quantile falls. */
    private static double millis(long[] counts, double quantile) {
        long total = 0;
        for (long c : counts) {
            total += c;
        }
        long rank = (long) Math.ceil(quantile * total);
        long seen = 0;
        int i = 0;
        while (i < counts.length - 1) {
            seen += counts[i];
            if (seen >= rank) {
                break;
            }
            i++;
        }
        int power = i < 2 * FINENESS ? 0 : i / FINENESS - 1;
        long low = (long) (i - power * FINENESS) << power;
        return (low + (1L << power)) / 1e6;
    }

    private static final class Waiting extends Thread implements Runnable {

        private final Contestant locks;
        private final long tokens;
        private final long seconds;
        private final CountDownLatch ready;
        private final CountDownLatch go;
        private final String key = KeyRing.fresh(1, 0)[0];
        private final long[] counts = new long[64 * FINENESS];
        private final Section section = new Section();

        Waiting(Contestant locks, long tokens, long seconds, CountDownLatch ready, CountDownLatch go) {
            this.locks = locks;
            this.tokens = tokens;
            this.seconds = seconds;
            this.ready = ready;
            this.go = go;
        }

        @Override
        public void run() {
            ready.countDown();
            try {
                go.await();
            } catch (InterruptedException e) {
                return;
            }
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
            while ((section.asked = System.nanoTime()) < end) {
                locks.within(key, section);
                counts[bucket(section.entered - section.asked)]++;
            }
        }

        private final class Section implements Runnable {

            private long asked;
            private long entered;

            @Override
            public void run() {
                entered = System.nanoTime();
                Blackhole.consumeCPU(tokens);
            }
        }
    }
}
