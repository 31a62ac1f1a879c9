// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One task of {@link KeyedLocker#supplyAsync}, from its place in the queue to its result. */
final class KeyedTask<T> implements Runnable {

    private final Permit permit;

    private final Supplier<T> task;

    private final CompletableFuture<T> result;

    private KeyedTask(Permit permit, Supplier<T> task, CompletableFuture<T> result) {
        this.permit = permit;
        this.task = task;
        this.result = result;
    }

    static <T> CompletableFuture<T> start(PermitFuture acquisition, Supplier<T> task, Executor executor) {
        CompletableFuture<T> result = new CompletableFuture<>();
        acquisition.whenComplete((permit, failure) -> {
            if (failure != null) {
                result.completeExceptionally(failure);
            } else {
                new KeyedTask<>(permit, task, result).hand(executor);
            }
        });
        if (!acquisition.isDone()) {
            // Whoever completes the result first, for instance by cancelling it, does not wait for the permit any more.
            result.whenComplete((value, failure) -> acquisition.cancel(false));
        }
        return result;
    }

    private void hand(Executor executor) {
        if (result.isDone()) {
            permit.close();
            return;
        }
        try {
            executor.execute(this);
        } catch (Throwable e) {
            permit.close();
            result.completeExceptionally(e);
        }
    }

    @Override
    public void run() {
        if (result.isDone()) {
            permit.close();
            return;
        }
        T value = null;
        Throwable failure = null;
        Hold hold = (Hold) permit;
        boolean adopted = hold.entry().stripe.adopt(hold, Thread.currentThread());
        try {
            value = task.get();
        } catch (Throwable e) {
            failure = e;
        }
        if (adopted) {
            hold.entry().stripe.disown(hold);
        }
        permit.close();
        complete(value, failure);
    }

    @SuppressWarnings("NullAway") // a task may have null as its result
    private void complete(@Nullable T value, @Nullable Throwable failure) {
        if (failure == null) {
            result.complete(value);
        } else {
            result.completeExceptionally(failure);
        }
    }
}
