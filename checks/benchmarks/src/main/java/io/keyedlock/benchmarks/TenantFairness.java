// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.stream.LongStream;
import org.openjdk.jmh.infra.Blackhole;

/**
 * How evenly tenants share few threads: each of 1,000 tenants always has several jobs in a fair locker that admits one of them,
 * and few threads run whatever is admitted. Prints the jobs of the tenant that got the fewest and the most, and Jain's index
 * {@code (Σx)² / (n·Σx²)}, which is 1 if all got the same and 1/n if one got everything.
 *
 * <p>Arguments: seconds (30), tenants (1,000), threads (4), jobs that each tenant has waiting (3).
 */
public final class TenantFairness {

    private static final double LEAST_INDEX = 0.95;

    /** A few microseconds of work. */
    private static final int TOKENS = 2_000;

    private final AtomicLongArray done;
    private final KeyedLocker<Integer> tenants = KeyedLocker.create(
            KeyedLockerSettings.defaults().withName("tenants").withFair(true));
    private final ExecutorService threads;
    private volatile boolean over;

    private TenantFairness(int tenants, int threads) {
        this.done = new AtomicLongArray(tenants);
        this.threads = Executors.newFixedThreadPool(threads);
    }

    /**
     * Runs the program. Ends with status 1 if the index is below 0.95 or a tenant got nothing.
     *
     * @param arguments seconds, tenants, threads, jobs per tenant; each may be left out from the right
     * @throws InterruptedException if the thread is interrupted
     */
    public static void main(String[] arguments) throws InterruptedException {
        int seconds = argument(arguments, 0, 30);
        int count = argument(arguments, 1, 1_000);
        int threads = argument(arguments, 2, 4);
        int waiting = argument(arguments, 3, 3);
        TenantFairness fairness = new TenantFairness(count, threads);
        // The tenants that come first get more at first.
        fairness.run(Math.max(1, seconds / 10), waiting);
        long[] jobs = fairness.run(seconds, 0);
        fairness.end();
        double index = index(jobs);
        long least = LongStream.of(jobs).min().orElse(0);
        System.out.printf(
                "%d tenants, %d threads, %d s: %,d jobs, of a tenant %,d to %,d, Jain's index %.4f%n",
                count,
                threads,
                seconds,
                LongStream.of(jobs).sum(),
                least,
                LongStream.of(jobs).max().orElse(0),
                index);
        if (index < LEAST_INDEX || least == 0) {
            System.exit(1);
        }
    }

    private static int argument(String[] arguments, int index, int otherwise) {
        return arguments.length > index ? Integer.parseInt(arguments[index]) : otherwise;
    }

    static double index(long[] shares) {
        double sum = 0;
        double squares = 0;
        for (long share : shares) {
            sum += share;
            squares += (double) share * share;
        }
        return squares == 0 ? 0 : sum * sum / (shares.length * squares);
    }

    /** Adds jobs to each tenant, lets all run for a time, and returns how many jobs of each tenant were done in it. */
    private long[] run(int seconds, int moreJobs) throws InterruptedException {
        for (int job = 0; job < moreJobs; job++) {
            for (int tenant = 0; tenant < done.length(); tenant++) {
                submit(tenant);
            }
        }
        long[] before = counts();
        TimeUnit.SECONDS.sleep(seconds);
        long[] after = counts();
        for (int tenant = 0; tenant < after.length; tenant++) {
            after[tenant] -= before[tenant];
        }
        return after;
    }

    private long[] counts() {
        return LongStream.range(0, done.length())
                .map(tenant -> done.get((int) tenant))
                .toArray();
    }

    private void submit(int tenant) {
        tenants.supplyAsync(
                        tenant,
                        () -> {
                            Blackhole.consumeCPU(TOKENS);
                            return done.incrementAndGet(tenant);
                        },
                        threads)
                .whenComplete((count, failure) -> {
                    if (!over) {
                        submit(tenant);
                    }
                });
    }

    private void end() throws InterruptedException {
        over = true;
        tenants.awaitIdle();
        threads.shutdown();
    }
}
