// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.actuate.LockerHistory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.stereotype.Component;

/**
 * Processes batches. After {@link #handle} has returned, all messages are done and the caller may commit. If it throws, the
 * caller must submit the whole batch again, and messages that were done are repeated.
 */
@Component
public class StepBatches implements DisposableBean {

    private final StepLedger ledger;
    private final ExecutorService executor;
    private final long thinkNanos;

    /** Counts the events of the lockers of all batches for the live page, if there is one. */
    private final List<LockerHistory> history;

    // Written by the thread that submits a batch, read by observers.
    private volatile @Nullable KeyedLocker<String> last;

    StepBatches(StepLedger ledger, BatchProperties properties, ObjectProvider<LockerHistory> history) {
        this.ledger = ledger;
        this.history = history.stream().toList();
        this.executor = Executors.newFixedThreadPool(properties.threads(), task -> {
            Thread thread = new Thread(task);
            thread.setName("batch-" + thread.getId());
            thread.setDaemon(true);
            return thread;
        });
        this.thinkNanos = properties.thinkTime().toNanos();
    }

    /**
     * Processes a whole batch.
     *
     * @param batch the messages, with the steps of each order in sequence
     * @param way the way to process them
     * @throws InterruptedException if the thread is interrupted
     * @throws java.util.concurrent.CompletionException if a message failed; no message was started after that
     */
    public void handle(List<Step> batch, BatchWay way) throws InterruptedException {
        Batch work = new Batch(ledger.beginBatch(batch.size()));
        switch (way) {
            case ONE_BY_ONE -> batch.forEach(work::handle);
            case UNORDERED ->
                await(batch.stream()
                        .map(step -> CompletableFuture.runAsync(() -> work.handle(step), executor))
                        .toList());
            case IN_ORDER -> inOrder(batch, work);
        }
    }

    private void inOrder(List<Step> batch, Batch work) throws InterruptedException {
        try (KeyedLocker<String> locker =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("batch"))) {
            history.forEach(locker::addListener);
            last = locker;
            List<CompletableFuture<?>> results = new ArrayList<>(batch.size());
            for (Step step : batch) {
                results.add(locker.supplyAsync(step.order(), () -> work.handle(step), executor));
            }
            await(results);
            locker.awaitIdle();
        }
    }

    /** Waits for all messages, even after one has failed, so that a batch is not submitted again while it is processed. */
    private static void await(List<? extends CompletableFuture<?>> results) {
        CompletableFuture.allOf(results.toArray(CompletableFuture<?>[]::new)).join();
    }

    /**
     * Returns the locker of the last batch that was processed in order, which may be in progress.
     *
     * @return the locker, or empty if there was no such batch
     */
    public Optional<KeyedLocker<String>> last() {
        return Optional.ofNullable(last);
    }

    @Override
    public void destroy() {
        executor.shutdown();
    }

    private final class Batch {

        private final long id;
        // Written by the first message that fails, read by later ones; those of its order hold the same lock.
        private volatile boolean broken;

        Batch(long id) {
            this.id = id;
        }

        /** Skips messages after a failure, because the next steps of the failed order must not be processed before it. */
        boolean handle(Step step) {
            if (broken) {
                throw new IllegalStateException("Not processed, because an earlier message of the batch failed");
            }
            try {
                long begin = System.currentTimeMillis();
                think(step.thinkNanos(thinkNanos));
                ledger.deliver(step, id, begin);
                return true;
            } catch (RuntimeException failure) {
                broken = true;
                throw failure;
            }
        }

        /** Simulates the other work of a real listener, such as a call to another service. */
        private static void think(long nanos) {
            long end = System.nanoTime() + nanos;
            for (long left = nanos; left > 0; left = end - System.nanoTime()) {
                LockSupport.parkNanos(left);
                if (Thread.currentThread().isInterrupted()) {
                    return;
                }
            }
        }
    }
}
