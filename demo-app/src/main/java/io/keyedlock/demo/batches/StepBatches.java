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
 * Works on batches. Whoever hands one in may commit it once {@link #handle} has returned: all of it is done then. If it
 * throws, the whole batch has to be handed in again, and messages that were done are done once more.
 */
@Component
public class StepBatches implements DisposableBean {

    private final StepLedger ledger;
    private final ExecutorService executor;
    private final long thinkNanos;

    // Written by whoever hands a batch in, for those who watch.
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
     * Works on a batch to its end.
     *
     * @param batch the messages, those of each order in their order
     * @param way how
     * @throws InterruptedException if the thread is interrupted meanwhile
     * @throws java.util.concurrent.CompletionException if a message failed; none that had not begun by then was begun
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

    /** Waits for all of them, also after one has failed: a batch is not handed in again while it is still worked on. */
    private static void await(List<? extends CompletableFuture<?>> results) {
        CompletableFuture.allOf(results.toArray(CompletableFuture<?>[]::new)).join();
    }

    /**
     * The locker of the batch that is worked on in order at this moment.
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
        // Written by the first message that fails, read by those after it, of its order under the same lock.
        private volatile boolean broken;

        Batch(long id) {
            this.id = id;
        }

        /** Messages after a failed one are left alone, as its order's next steps must not be done before it. */
        boolean handle(Step step) {
            if (broken) {
                throw new IllegalStateException("Not begun, as an earlier message of the batch has failed");
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

        /** Stands for what a real listener does besides the database: a call to another service. */
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
