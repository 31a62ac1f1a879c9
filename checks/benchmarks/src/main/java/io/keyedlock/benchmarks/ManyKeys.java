// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import com.sun.management.ThreadMXBean;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.stream.LongStream;

/**
 * What watching a locker costs while many keys are held: the time of an overview, as the endpoint requests it; the longest time
 * for which a caller of another key waits meanwhile, once without overviews for comparison; and the processor time of the
 * background scan.
 *
 * <p>Arguments: keys (1,000,000), seconds of the scan (20).
 */
public final class ManyKeys {

    private static final int OVERVIEWS = 60;

    private static final int LISTED = 100;

    private final KeyedLocker<String> locker =
            KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));

    private volatile boolean over;

    private ManyKeys() {}

    /**
     * Runs the program.
     *
     * @param arguments keys and seconds; each may be left out from the right
     * @throws InterruptedException if the thread is interrupted
     */
    public static void main(String[] arguments) throws InterruptedException {
        int keys = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 1_000_000;
        int seconds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 20;
        ManyKeys program = new ManyKeys();
        for (int key = 0; key < keys; key++) {
            program.locker.acquireAsync("key-" + key).join();
        }
        System.out.printf("%,d keys held%n", keys);
        program.measureOverviews();
        measureScan(seconds);
    }

    private void measureOverviews() throws InterruptedException {
        measure("warm-up");
        measure("overviews");
    }

    private void measure(String what) throws InterruptedException {
        Latencies idle = new Latencies();
        idle.start();
        Thread.sleep(2_000);
        over = true;
        idle.join();
        over = false;
        Latencies busy = new Latencies();
        busy.start();
        double[] millis = new double[OVERVIEWS];
        for (int n = 0; n < OVERVIEWS; n++) {
            long begin = System.nanoTime();
            locker.overview(LISTED);
            millis[n] = (System.nanoTime() - begin) / 1e6;
        }
        over = true;
        busy.join();
        over = false;
        Arrays.sort(millis);
        System.out.printf(
                "%s: median %.2f ms, longest %.2f ms; callers of other keys meanwhile %s, without overviews %s%n",
                what, millis[OVERVIEWS / 2], millis[OVERVIEWS - 1], busy, idle);
    }

    private static void measureScan(int seconds) throws InterruptedException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long[] scanners = LongStream.of(threads.getAllThreadIds())
                .filter(id -> threads.getThreadInfo(id).getThreadName().startsWith("keyedlock-scanner"))
                .toArray();
        long before = LongStream.of(threads.getThreadCpuTime(scanners)).sum();
        Thread.sleep(seconds * 1_000L);
        long nanos = LongStream.of(threads.getThreadCpuTime(scanners)).sum() - before;
        System.out.printf("scan: %.2f %% of a core%n", nanos / 1e7 / seconds);
    }

    /** A thread that acquires and releases keys that nobody holds, and records how long each pair took. */
    private final class Latencies extends Thread {

        private long[] nanos = new long[1 << 16];

        private int count;

        @Override
        public void run() {
            for (int n = 0; !over; n++) {
                long begin = System.nanoTime();
                locker.tryAcquire("other-" + n).orElseThrow().close();
                if (count == nanos.length) {
                    nanos = Arrays.copyOf(nanos, 2 * count);
                }
                nanos[count++] = System.nanoTime() - begin;
            }
            nanos = Arrays.copyOf(nanos, count);
            Arrays.sort(nanos);
        }

        @Override
        public String toString() {
            return String.format(
                    "99.99 %% within %.3f ms, longest %.2f ms",
                    nanos[(int) (count * .9999)] / 1e6, nanos[count - 1] / 1e6);
        }
    }
}
