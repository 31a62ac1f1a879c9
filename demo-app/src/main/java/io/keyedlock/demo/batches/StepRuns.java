// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import io.keyedlock.demo.uses.Progress;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.springframework.stereotype.Component;

/** Sends the messages of a run and waits until all are delivered. */
@Component
public class StepRuns {

    private static final Duration PATIENCE = Duration.ofMinutes(10);

    private final StepSource source;
    private final StepLedger ledger;
    private final BatchProperties properties;

    StepRuns(StepSource source, StepLedger ledger, BatchProperties properties) {
        this.source = source;
        this.ledger = ledger;
        this.properties = properties;
    }

    /**
     * Sends the messages of a new run.
     *
     * @param messages the number of messages
     * @param way the way to process their batches
     * @return the run
     * @throws InterruptedException if the thread is interrupted
     */
    public String send(int messages, BatchWay way) throws InterruptedException {
        String run = register(messages);
        source.send(properties.steps(run, messages), way);
        return run;
    }

    /**
     * Sends the messages of a new run and waits until all are delivered.
     *
     * @param messages the number of messages
     * @param way the way to process their batches
     * @param progress receives the number of delivered messages
     * @return the check of the deliveries
     * @throws InterruptedException if the thread is interrupted
     */
    public StepCheck run(int messages, BatchWay way, Progress progress) throws InterruptedException {
        String run = register(messages);
        CompletableFuture<Void> sending = new CompletableFuture<>();
        Thread sender = new Thread(
                () -> {
                    try {
                        source.send(properties.steps(run, messages), way);
                        sending.complete(null);
                    } catch (InterruptedException | RuntimeException failure) {
                        sending.completeExceptionally(failure);
                    }
                },
                "step-sender");
        sender.setDaemon(true);
        sender.start();
        try {
            awaitDeliveries(run, messages, messages, progress, sending);
            sending.join();
            return ledger.check(run);
        } catch (CompletionException failure) {
            throw new IllegalStateException("Messages could not be sent or processed", failure.getCause());
        } finally {
            sender.interrupt();
        }
    }

    /**
     * Waits for deliveries to another process.
     *
     * @param run the run
     * @param count the number of messages
     * @throws InterruptedException if the thread is interrupted
     */
    public void awaitDeliveries(String run, int count) throws InterruptedException {
        awaitDeliveries(run, count, count, (done, of) -> {}, new CompletableFuture<>());
    }

    private void awaitDeliveries(String run, int count, int messages, Progress progress, CompletableFuture<?> sending)
            throws InterruptedException {
        int last = -1;
        long lastChange = System.nanoTime();
        for (int now = ledger.delivered(run); now < count; now = ledger.delivered(run)) {
            if (sending.isCompletedExceptionally()) {
                return;
            }
            if (now != last) {
                last = now;
                lastChange = System.nanoTime();
                progress.done(now, messages);
            } else if (System.nanoTime() - lastChange > PATIENCE.toNanos()) {
                throw new IllegalStateException("Of " + messages + " messages " + now
                        + " were delivered, and none in the last " + PATIENCE.toSeconds() + " s");
            }
            Thread.sleep(100);
        }
        progress.done(count, messages);
    }

    private String register(int messages) {
        String run = UUID.randomUUID().toString();
        ledger.beginRun(run, messages);
        return run;
    }
}
