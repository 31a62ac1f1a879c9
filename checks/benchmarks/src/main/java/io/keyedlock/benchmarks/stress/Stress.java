// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.stress;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;

/**
 * Round after round of {@link Round random use}, for a number of seconds.
 *
 * <p>Arguments: seconds (20), seed (random, printed). Ends with 0, with 1 when something was wrong, with 3 when nothing
 * moved any more.
 */
public final class Stress {

    private Stress() {}

    /**
     * Runs the program.
     *
     * @param arguments seconds, seed
     */
    public static void main(String[] arguments) {
        long seconds = arguments.length > 0 ? Long.parseLong(arguments[0]) : 20;
        long seed = arguments.length > 1 ? Long.parseLong(arguments[1]) : System.nanoTime();
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        try {
            run(seconds, seed, out);
        } catch (Throwable e) {
            e.printStackTrace(out);
            System.exit(1);
        }
        System.exit(0);
    }

    /**
     * Plays rounds until the time is over.
     *
     * @param seconds for how long
     * @param seed where chance begins
     * @param out receives the seed and each round
     * @throws AssertionError if something was wrong
     */
    public static void run(long seconds, long seed, PrintStream out) throws Exception {
        boolean virtualThreads = Runtime.version().feature() >= 21;
        out.println("Stress for " + seconds + " s, seed " + seed + ", Java " + Runtime.version()
                + (virtualThreads ? ", with" : ", without") + " virtual threads");
        SplittableRandom random = new SplittableRandom(seed);
        LongAdder moves = new LongAdder();
        AtomicReference<String> current = new AtomicReference<>("no round");
        ExecutorService pool = Executors.newFixedThreadPool(2, task -> {
            Thread thread = new Thread(task, "pool");
            thread.setDaemon(true);
            return thread;
        });
        long start = System.nanoTime();
        long passes = 0;
        int rounds = 0;
        Watchdog watchdog = new Watchdog(moves, current::get, out);
        try {
            while (System.nanoTime() - start < seconds * 1_000_000_000L) {
                Round round = new Round(random.split(), virtualThreads, moves, pool);
                current.set(round.toString());
                try {
                    round.play(Duration.ofMillis(random.nextInt(50, 1_000)));
                } catch (Throwable e) {
                    throw new AssertionError("seed " + seed + ", round " + rounds + ", " + round, e);
                }
                rounds++;
                passes += round.passes();
                out.println("round " + rounds + ": " + round);
            }
        } finally {
            watchdog.close();
            pool.shutdownNow();
        }
        out.println("Done: " + rounds + " rounds, " + moves.sum() + " moves, " + passes + " passes, no fault");
    }
}
