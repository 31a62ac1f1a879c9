// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.DisposableBean;
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

    // Written by the thread that submits a batch, read by observers.
    private volatile @Nullable KeyedLocker<String> current;

    StepBatches(StepLedger ledger, BatchProperties properties) {
        this.ledger = ledger;
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
            current = locker;
            List<CompletableFuture<?>> results = new ArrayList<>(batch.size());
            for (Step step : batch) {
                results.add(locker.supplyAsync(step.order(), () -> work.handle(step), executor));
            }
            await(results);
            locker.awaitIdle();
        } finally {
            current = null;
        }
    }

    /** Waits for all messages, even after one has failed, so that a batch is not submitted again while it is processed. */
    private static void await(List<? extends CompletableFuture<?>> results) {
        CompletableFuture.allOf(results.toArray(CompletableFuture<?>[]::new)).join();
    }

    /**
     * Returns the locker of the batch that is currently processed in order.
     *
     * @return the locker, or empty if there is no such batch
     */
    public Optional<KeyedLocker<String>> current() {
        return Optional.ofNullable(current);
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
                think();
                ledger.deliver(step, id, begin);
                return true;
            } catch (RuntimeException failure) {
                broken = true;
                throw failure;
            }
        }

        /** Simulates the other work of a real listener, such as a call to another service. */
        private void think() {
            long end = System.nanoTime() + thinkNanos;
            for (long left = thinkNanos; left > 0; left = end - System.nanoTime()) {
                LockSupport.parkNanos(this, left);
                if (Thread.currentThread().isInterrupted()) {
                    return;
                }
            }
        }
    }
}
