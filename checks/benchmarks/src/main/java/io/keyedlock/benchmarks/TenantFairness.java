// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.stream.LongStream;
import org.openjdk.jmh.infra.Blackhole;

/**
 * How evenly tenants share few threads: each of 1,000 tenants always has several jobs in a fair locker that admits one of them,
 * and few threads run whatever is admitted. Measures the jobs of each tenant, and Jain's index
 * {@code (Σx)² / (n·Σx²)}, which is 1 if all got the same and 1/n if one got everything.
 *
 * <p>Arguments: {@code --seconds=30}, {@code --tenants=1000}, {@code --threads=4}, {@code --waiting=3} jobs of each tenant,
 * {@code --out=target}.
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

    /** Runs the program. Ends with status 1 if the index is below 0.95 or a tenant got nothing. */
    public static void main(String[] args) throws InterruptedException, IOException {
        Arguments arguments = new Arguments(args);
        Map<String, String> machine = Machine.describe(Runtime.version());
        int seconds = arguments.number("seconds", 30);
        int count = arguments.number("tenants", 1_000);
        int threads = arguments.number("threads", 4);
        TenantFairness fairness = new TenantFairness(count, threads);
        // The tenants that come first get more at first.
        fairness.run(Math.max(1, seconds / 10), arguments.number("waiting", 3));
        long[] jobs = fairness.run(seconds, 0);
        fairness.end();
        double index = index(jobs);
        Spread shares = Spread.of(LongStream.of(jobs).asDoubleStream().boxed().toList());
        String who = count + " tenants, " + threads + " threads";
        ResultFile.measured(
                        "Fairness between tenants",
                        arguments.command(TenantFairness.class),
                        machine,
                        Map.of(),
                        List.of(
                                "Each tenant always has several jobs in a fair locker that admits one of them, for "
                                        + seconds
                                        + " s. Jain's index is 1 if all get the same. The range of the jobs is that of the tenants."),
                        List.of(
                                Figure.of("Jain's index", who, "", index).atLeast(LEAST_INDEX),
                                Figure.of("jobs of a tenant", who, "", shares),
                                Figure.of("jobs of all", who, "", (double)
                                        LongStream.of(jobs).sum())))
                .write(arguments, "tenants");
        System.exit(index < LEAST_INDEX || shares.least() == 0 ? 1 : 0);
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
