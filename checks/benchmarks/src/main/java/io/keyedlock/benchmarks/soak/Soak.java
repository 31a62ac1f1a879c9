// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.soak;

import io.keyedlock.benchmarks.Machine;
import io.keyedlock.benchmarks.stress.Watchdog;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationContext;

/**
 * Mixed load on an application context that is replaced by a new one every two seconds.
 *
 * <p>Arguments: seconds (1800), seed (random, printed), a file for the samples. Ends with 0, with 1 when something was wrong
 * or grew, with 3 when nothing moved any more.
 *
 * <p>Players share a read-write lock with the sampler: each of their moves, and each change of the application, is under the
 * read lock; a sample is taken under the write lock, so that nobody is in the middle of anything. Then nothing may be
 * active, all counters must be right, and what is left after full collections is what has been retained.
 */
public final class Soak {

    private static final int PLAYERS = 12;

    private static final long REFRESH_SECONDS = 2;

    private static final int SAMPLES = 120;

    /** The statistic above which rising pairs of samples are significant. */
    private static final double SIGNIFICANT = 3;

    /** The growth of caches of the JVM and of Spring. A leak per call or context is far larger. */
    private static final long HARMLESS_BYTES = 1 << 20;

    private static final int HARMLESS_THREADS = 4;

    private final PrintStream out;

    private final ReentrantReadWriteLock quiet = new ReentrantReadWriteLock(true);

    /** Written by the refresher. */
    private volatile SoakApplication current = new SoakApplication();

    /** Closed since the last sample; guarded by itself. */
    private final List<SoakApplication> retired = new ArrayList<>();

    private final List<WeakReference<ApplicationContext>> closed = new ArrayList<>();

    private final LongAdder moves = new LongAdder();

    private final AtomicLong passes = new AtomicLong();

    private final AtomicLong refreshes = new AtomicLong();

    private final List<SoakPlayer> players = new ArrayList<>();

    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    private volatile boolean over;

    private Soak(long seed, PrintStream out) {
        this.out = out;
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < PLAYERS; i++) {
            players.add(new SoakPlayer(this, random.split()));
        }
    }

    /** The state without activity. */
    private record Sample(double seconds, long heap, int threads, int classes, int contexts) {}

    /**
     * Runs the program.
     *
     * @param arguments seconds, seed, file
     */
    public static void main(String[] arguments) {
        long seconds = arguments.length > 0 ? Long.parseLong(arguments[0]) : 1_800;
        long seed = arguments.length > 1 ? Long.parseLong(arguments[1]) : System.nanoTime();
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try {
            run(seconds, seed, arguments.length > 2 ? Path.of(arguments[2]) : null, out);
        } catch (Throwable e) {
            e.printStackTrace(out);
            System.exit(1);
        }
        System.exit(0);
    }

    /**
     * Keeps the load up until the time is over.
     *
     * @param seconds for how long
     * @param seed where chance begins
     * @param file where to write all samples, if anywhere
     * @param out receives the observations
     * @throws AssertionError if something was wrong, or if heap or threads grew over the last two thirds of the time
     */
    public static void run(long seconds, long seed, @Nullable Path file, PrintStream out) throws Exception {
        out.println("Soak for " + seconds + " s, seed " + seed + ", " + Machine.describe(Runtime.version()));
        Soak soak = new Soak(seed, out);
        try (Watchdog watchdog = new Watchdog(soak.moves, () -> "the soak", out)) {
            Objects.requireNonNull(watchdog);
            List<Sample> samples = soak.run(seconds);
            if (file != null) {
                write(samples, file);
            }
            soak.judge(samples);
        }
    }

    boolean over() {
        return over;
    }

    void fail(Throwable e) {
        failure.compareAndSet(null, e);
        over = true;
    }

    SoakApplication current() {
        return current;
    }

    SoakPlayer anyPlayer(SplittableRandom random) {
        return players.get(random.nextInt(players.size()));
    }

    /** Runs an action during which no sample is taken. */
    void playing(Move move) throws Exception {
        quiet.readLock().lock();
        try {
            move.make();
        } finally {
            quiet.readLock().unlock();
        }
        moves.increment();
    }

    /** One move of a player. */
    interface Move {
        void make() throws Exception;
    }

    private List<Sample> run(long seconds) throws Exception {
        long start = System.nanoTime();
        Thread refresher = new Thread(this::refreshAgainAndAgain, "refresher");
        refresher.setDaemon(true);
        refresher.start();
        players.forEach(SoakPlayer::start);
        List<Sample> samples = new ArrayList<>();
        double interval = Math.max(1.0, seconds / (double) SAMPLES);
        while (!over && samples.size() < Math.floor(seconds / interval)) {
            long next = start + (long) (1e9 * interval * (samples.size() + 1));
            TimeUnit.NANOSECONDS.sleep(next - System.nanoTime());
            samples.add(whileQuiet(() -> sample(start)));
            Sample last = samples.get(samples.size() - 1);
            if (samples.size() % 10 == 0) {
                out.println(describe(last));
            }
        }
        over = true;
        for (SoakPlayer player : players) {
            player.join();
        }
        refresher.join();
        Throwable failed = failure.get();
        if (failed != null) {
            throw new AssertionError("a player has failed", failed);
        }
        current.check();
        current.close();
        passes.addAndGet(current.passes());
        return samples;
    }

    private void refreshAgainAndAgain() {
        try {
            while (!over) {
                TimeUnit.SECONDS.sleep(REFRESH_SECONDS);
                playing(() -> {
                    SoakApplication old = current;
                    current = new SoakApplication();
                    old.close();
                    synchronized (retired) {
                        retired.add(old);
                    }
                });
                refreshes.incrementAndGet();
            }
        } catch (Throwable e) {
            fail(e);
        }
    }

    private <T> T whileQuiet(Callable<T> look) throws Exception {
        quiet.writeLock().lock();
        try {
            return look.call();
        } finally {
            quiet.writeLock().unlock();
        }
    }

    private Sample sample(long start) throws InterruptedException {
        current.check();
        synchronized (retired) {
            for (SoakApplication old : retired) {
                old.check();
                passes.addAndGet(old.passes());
                closed.add(new WeakReference<>(old.context()));
            }
            retired.clear();
        }
        // The second collection takes what the first one has made unreachable by way of references and cleaners.
        System.gc();
        System.gc();
        closed.removeIf(context -> context.refersTo(null));
        return new Sample(
                (System.nanoTime() - start) / 1e9,
                ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed(),
                ManagementFactory.getThreadMXBean().getThreadCount(),
                ManagementFactory.getClassLoadingMXBean().getLoadedClassCount(),
                closed.size());
    }

    private String describe(Sample sample) {
        return String.format(
                Locale.ROOT,
                "%5.0f s: %,d moves, %d contexts, heap %,d bytes, %d threads, %d classes, %d closed contexts reachable",
                sample.seconds(),
                moves.sum(),
                refreshes.get() + 1,
                sample.heap(),
                sample.threads(),
                sample.classes(),
                sample.contexts());
    }

    private void judge(List<Sample> samples) {
        List<Sample> last = samples.subList(samples.size() / 3, samples.size());
        Trend heap = Trend.of(last.stream().mapToDouble(Sample::heap).toArray());
        double rise = heap.slope() * (last.size() - 1);
        Trend classes = Trend.of(last.stream().mapToDouble(Sample::classes).toArray());
        int fewest = last.stream().mapToInt(Sample::threads).min().orElse(0);
        int most = last.stream().mapToInt(Sample::threads).max().orElse(0);
        int contexts = last.stream().mapToInt(Sample::contexts).max().orElse(0);
        out.printf(
                Locale.ROOT,
                "Over the last %.0f of %.0f s, %d samples when all was quiet: heap after full collections from %,d to %,d"
                        + " bytes, median rise %,.0f bytes in all (z %.1f); threads %d to %d; classes %+.1f per sample;"
                        + " at most %d closed contexts reachable%n",
                last.get(last.size() - 1).seconds() - last.get(0).seconds(),
                last.get(last.size() - 1).seconds(),
                last.size(),
                last.stream().mapToLong(Sample::heap).min().orElse(0),
                last.stream().mapToLong(Sample::heap).max().orElse(0),
                rise,
                heap.z(),
                fewest,
                most,
                classes.slope(),
                contexts);
        out.printf(
                Locale.ROOT,
                "Done: %,d moves, %,d passes, %d contexts, nothing active%n",
                moves.sum(),
                passes.get(),
                refreshes.get() + 1);
        if (heap.z() > SIGNIFICANT && rise > HARMLESS_BYTES) {
            throw new AssertionError("the heap grows: by " + (long) rise + " bytes, z " + heap.z());
        }
        if (most - fewest > HARMLESS_THREADS) {
            throw new AssertionError("the number of threads is not flat: " + fewest + " to " + most);
        }
        if (contexts > 2) {
            throw new AssertionError(contexts + " closed application contexts are still reachable");
        }
    }

    private static void write(List<Sample> samples, Path file) throws IOException {
        StringBuilder text = new StringBuilder("seconds,heap,threads,classes,contexts\n");
        for (Sample sample : samples) {
            text.append(String.format(
                    Locale.ROOT,
                    "%.1f,%d,%d,%d,%d%n",
                    sample.seconds(),
                    sample.heap(),
                    sample.threads(),
                    sample.classes(),
                    sample.contexts()));
        }
        Files.writeString(file, text);
    }
}
