// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * The strategy for {@code @Async} methods that return a future. The task's thread acquires the permit. After the method
 * has returned, that thread waits for the future before it releases the permit, as it would wait for the future anyway.
 */
final class AsyncMethodResultStrategy extends PlainResultStrategy {

    @Override
    @Nullable
    Object finish(@Nullable Object result, LockedMethod method) {
        Object future = result instanceof CompletionStage<?> stage ? stage.toCompletableFuture() : result;
        if (future instanceof Future<?> running) {
            await(running);
        }
        return result;
    }

    /**
     * Waits for a future and ignores interrupts, as the work continues and its key must stay held. Restores the
     * interrupt flag at the end.
     */
    private static void await(Future<?> running) {
        boolean interrupted = false;
        while (true) {
            try {
                running.get();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            } catch (ExecutionException | CompletionException | CancellationException e) {
                // The caller receives this failure from the future itself.
                break;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
