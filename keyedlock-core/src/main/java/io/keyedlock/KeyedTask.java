// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One task of {@link KeyedLocker#supplyAsync}, from its place in the queue to its result. The permit is here while the task
 * waits in its executor. Whoever takes it out closes it: the thread that runs the task, or whoever completes the result
 * first, for instance by cancelling it.
 */
final class KeyedTask<T> implements Runnable {

    private final AtomicReference<@Nullable Permit> permit = new AtomicReference<>();

    private final Supplier<T> task;

    private final Executor executor;

    private final CompletableFuture<T> result = new CompletableFuture<>();

    KeyedTask(Supplier<T> task, Executor executor) {
        this.task = task;
        this.executor = executor;
    }

    /** Acquires and runs. All that may fail for want of memory comes before there is a permit, or undoes the acquisition. */
    CompletableFuture<T> start(Supplier<PermitFuture> acquire) {
        PermitFuture acquisition = acquire.get();
        boolean registered = false;
        boolean started = false;
        try {
            acquisition.whenComplete(this::acquired);
            registered = true;
            if (!result.isDone()) {
                result.whenComplete((value, failure) -> {
                    acquisition.cancel(false);
                    giveUp();
                });
            }
            started = true;
        } finally {
            if (!started) {
                // Whoever calls acquired() finds that the result is cancelled.
                result.cancel(false);
                if (registered) {
                    acquisition.cancel(false);
                } else {
                    acquisition.undo();
                }
                giveUp();
            }
        }
        return result;
    }

    private void acquired(@Nullable Permit granted, @Nullable Throwable failure) {
        if (granted == null) {
            result.completeExceptionally(failure == null ? new NullPointerException("permit") : failure);
            return;
        }
        permit.set(granted);
        if (result.isDone()) {
            giveUp();
            return;
        }
        try {
            executor.execute(this);
        } catch (Throwable e) {
            giveUp();
            result.completeExceptionally(e);
        }
    }

    /** Closes the permit of a task that has not begun. */
    private void giveUp() {
        Headroom.checkForWait();
        Permit mine = permit.getAndSet(null);
        if (mine != null) {
            mine.close();
        }
    }

    @Override
    public void run() {
        Headroom.checkForWait();
        Permit mine = permit.getAndSet(null);
        if (mine == null) {
            return;
        }
        if (result.isDone()) {
            mine.close();
            return;
        }
        T value = null;
        Throwable failure = null;
        try {
            value = runOwning((Hold) mine);
        } catch (Throwable e) {
            failure = e;
        }
        try {
            mine.close();
        } finally {
            complete(value, failure);
        }
    }

    private T runOwning(Hold hold) {
        boolean adopted = hold.entry().stripe.adopt(hold, Thread.currentThread());
        try {
            return task.get();
        } finally {
            if (adopted) {
                hold.entry().stripe.disown(hold);
            }
        }
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
