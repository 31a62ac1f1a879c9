// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.load;

import io.keyedlock.demo.threats.EventIntake;
import io.keyedlock.demo.threats.SecurityEvent;
import io.keyedlock.demo.threats.ThreatScores;
import io.keyedlock.demo.threats.TooManyConflictsException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.springframework.stereotype.Component;

/**
 * Sends many concurrent events of severity 1, spread evenly over some addresses, and compares the accepted events with the
 * scores in the database.
 */
@Component
public class EventLoad {

    private static final ThreadFactory THREADS = task -> {
        Thread thread = new Thread(task, "load");
        thread.setDaemon(true);
        return thread;
    };

    private final EventIntake intake;
    private final ThreatScores scores;
    private final Database database;

    EventLoad(EventIntake intake, ThreatScores scores, Database database) {
        this.database = database;
        this.intake = intake;
        this.scores = scores;
    }

    /**
     * Runs a load on addresses that start without a score.
     *
     * @param plan the numbers of events, addresses and threads
     * @param lock whether to use the lock of the address
     * @param progress receives the number of events done, about ten times, from one of the threads
     * @return the measured values
     * @throws InterruptedException if the thread is interrupted; the threads of the load stop too
     */
    public LoadResult run(LoadPlan plan, boolean lock, IntConsumer progress) throws InterruptedException {
        List<String> addresses = plan.addressList();
        scores.forget(addresses);

        Run run = new Run(plan, addresses, lock, progress);
        ExecutorService threads = Executors.newFixedThreadPool(plan.threads(), THREADS);
        try {
            List<Future<?>> all = IntStream.range(0, plan.threads())
                    .<Future<?>>mapToObj(n -> threads.submit(run::work))
                    .toList();
            for (Future<?> one : all) {
                one.get();
            }
        } catch (ExecutionException failure) {
            throw new IllegalStateException("The load broke off", failure.getCause());
        } finally {
            threads.shutdownNow();
        }
        return run.result(database.isolation(), scores.totalOf(addresses));
    }

    private final class Run {

        private final LoadPlan plan;
        private final List<String> addresses;
        private final boolean lock;
        private final IntConsumer progress;
        private final CyclicBarrier start;
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();
        private final LongAdder conflicts = new LongAdder();
        private final LongAdder retries = new LongAdder();
        private final LongAdder givenUp = new LongAdder();
        // Each element is written by the thread that took its number, and read after all threads have ended.
        private final long[] nanos;
        // Written by the barrier's action, before any thread continues.
        private long startNanos;
        // Written by the last event, read after all threads have ended.
        private volatile long endNanos;

        Run(LoadPlan plan, List<String> addresses, boolean lock, IntConsumer progress) {
            this.plan = plan;
            this.addresses = addresses;
            this.lock = lock;
            this.progress = progress;
            this.nanos = new long[plan.events()];
            this.start = new CyclicBarrier(plan.threads(), () -> startNanos = System.nanoTime());
        }

        Void work() throws Exception {
            start.await();
            for (int n = next.getAndIncrement(); n < plan.events(); n = next.getAndIncrement()) {
                send(n);
                int finished = done.incrementAndGet();
                if (finished == plan.events()) {
                    endNanos = System.nanoTime();
                }
                if (finished % Math.max(1, plan.events() / 10) == 0) {
                    progress.accept(finished);
                }
            }
            return null;
        }

        private void send(int n) {
            SecurityEvent event = new SecurityEvent(addresses.get(n % addresses.size()), 1);
            long begin = System.nanoTime();
            try {
                EventIntake.Receipt receipt = intake.accept(event, lock);
                conflicts.add(receipt.retries());
                retries.add(receipt.retries());
            } catch (TooManyConflictsException lost) {
                conflicts.add(lost.conflicts());
                retries.add(lost.conflicts() - 1L);
                givenUp.increment();
            }
            nanos[n] = System.nanoTime() - begin;
        }

        LoadResult result(String isolation, long stored) {
            Arrays.sort(nanos);
            long accepted = plan.events() - givenUp.sum();
            return new LoadResult(
                    isolation,
                    lock,
                    plan.events(),
                    Duration.ofNanos(endNanos - startNanos),
                    conflicts.sum(),
                    retries.sum(),
                    accepted - stored,
                    givenUp.sum(),
                    percentile(50),
                    percentile(99));
        }

        private Duration percentile(int percent) {
            int index = (int) Math.ceil(nanos.length * percent / 100.0) - 1;
            return Duration.ofNanos(nanos[Math.max(0, index)]);
        }
    }
}
