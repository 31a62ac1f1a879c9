// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import com.sun.management.ThreadMXBean;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * What watching a locker costs while many keys are held: the time of an overview, as the endpoint requests it; the longest time
 * for which a caller of another key waits meanwhile, once without overviews for comparison; and the processor time of the
 * background scan.
 *
 * <p>Arguments: {@code --keys=10000,1000000}, {@code --seconds=60} of the scan, which may rest for 30, {@code --out=target}.
 */
public final class ManyKeys {

    private static final int OVERVIEWS = 60;

    private static final int LISTED = 100;

    private final KeyedLocker<String> locker =
            KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));

    private final String who;

    private final List<Figure> figures;

    private volatile boolean over;

    private ManyKeys(int keys, List<Figure> figures) {
        this.who = String.format(Locale.ROOT, "%,d keys held", keys);
        this.figures = figures;
        for (int key = 0; key < keys; key++) {
            locker.acquireAsync("key-" + key).join();
        }
    }

    /** Runs the program. */
    public static void main(String[] args) throws InterruptedException, IOException {
        Arguments arguments = new Arguments(args);
        Map<String, String> machine = Machine.describe(Runtime.version());
        List<Figure> figures = new ArrayList<>();
        for (String keys : arguments.values("keys").orElse(List.of("10000", "1000000"))) {
            ManyKeys program = new ManyKeys(Integer.parseInt(keys), figures);
            program.measureOverviews(Integer.parseInt(keys));
            program.measureScan(arguments.number("seconds", 60));
            program.locker.close();
        }
        ResultFile.measured(
                        "Many held keys",
                        arguments.command(ManyKeys.class),
                        machine,
                        Map.of(),
                        List.of(
                                "An overview has the " + LISTED + " most contended keys, as the endpoint requests it. "
                                        + OVERVIEWS + " of them follow one another; their range is that of all.",
                                "Other callers are a thread that acquires and releases other keys meanwhile. Their longest waits"
                                        + " are those of garbage collections."),
                        figures)
                .write(arguments, "many-keys");
        System.exit(0);
    }

    private void measureOverviews(int keys) throws InterruptedException {
        // The first time warms up.
        measure();
        double must = keys >= 1_000_000 ? 300 : 5;
        List<Figure> measured = measure();
        figures.add(measured.get(0).atMost(must, Double.NaN));
        figures.addAll(measured.subList(1, measured.size()));
    }

    private List<Figure> measure() throws InterruptedException {
        Latencies idle = new Latencies();
        idle.start();
        Thread.sleep(2_000);
        over = true;
        idle.join();
        over = false;
        Latencies busy = new Latencies();
        busy.start();
        List<Double> millis = new ArrayList<>();
        for (int n = 0; n < OVERVIEWS; n++) {
            long begin = System.nanoTime();
            locker.overview(LISTED);
            millis.add((System.nanoTime() - begin) / 1e6);
        }
        over = true;
        busy.join();
        over = false;
        return List.of(
                Figure.of("an overview", who, "ms", Spread.of(millis)),
                Figure.of("other callers during overviews, 99.99 % within", who, "ms", busy.millis(.9999)),
                Figure.of("other callers without overviews, 99.99 % within", who, "ms", idle.millis(.9999)),
                Figure.of("other callers during overviews, longest", who, "ms", busy.millis(1)),
                Figure.of("other callers without overviews, longest", who, "ms", idle.millis(1)));
    }

    private void measureScan(int seconds) throws InterruptedException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long[] scanners = LongStream.of(threads.getAllThreadIds())
                .filter(id -> threads.getThreadInfo(id).getThreadName().startsWith("keyedlock-scanner"))
                .toArray();
        long before = LongStream.of(threads.getThreadCpuTime(scanners)).sum();
        Thread.sleep(seconds * 1_000L);
        long nanos = LongStream.of(threads.getThreadCpuTime(scanners)).sum() - before;
        figures.add(Figure.of("the scan, of a core", who, "%", nanos / 1e7 / seconds)
                .atMost(1, Double.NaN));
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

        double millis(double quantile) {
            return nanos[(int) Math.min(count - 1, count * quantile)] / 1e6;
        }
    }
}
