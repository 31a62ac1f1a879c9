// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * For {@code @Async} methods that return a future. The lock is taken on the task's thread, which waits for that future
 * anyway once the method has returned; here it does so before the permit is given back.
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

    /** An interrupt reaches whoever asks next; the work goes on, so the key stays held. */
    private static void await(Future<?> running) {
        boolean interrupted = false;
        while (true) {
            try {
                running.get();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            } catch (ExecutionException | CompletionException | CancellationException e) {
                // The caller gets the future itself, and this from it.
                break;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
