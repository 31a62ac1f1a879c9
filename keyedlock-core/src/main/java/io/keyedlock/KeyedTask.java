// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One task of {@link KeyedLocker#supplyAsync}, from its acquisition to its result. {@link #permit} contains the permit while
 * the task waits in its executor. The thread that removes it from there closes it: the one that runs the task, or one that
 * completes the result first, for instance by cancelling it.
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

    /** Runs the task once its permit is acquired. A failure for want of memory undoes the acquisition. */
    CompletableFuture<T> start(PermitFuture acquisition) {
        boolean registered = false;
        try {
            acquisition.whenComplete(this::acquired);
            registered = true;
            if (!result.isDone()) {
                result.whenComplete((value, failure) -> {
                    acquisition.cancel(false);
                    closePermit();
                });
            }
            return result;
        } catch (Throwable e) {
            // acquired() finds that the result is cancelled.
            result.cancel(false);
            if (registered) {
                acquisition.cancel(false);
            } else {
                acquisition.undo();
            }
            closePermit();
            throw e;
        }
    }

    private void acquired(@Nullable Permit granted, @Nullable Throwable failure) {
        if (granted == null) {
            result.completeExceptionally(failure == null ? new NullPointerException("permit") : failure);
            return;
        }
        permit.set(granted);
        if (result.isDone()) {
            closePermit();
            return;
        }
        try {
            executor.execute(this);
        } catch (Throwable e) {
            closePermit();
            result.completeExceptionally(e);
        }
    }

    /** Closes the permit of a task that has not begun. */
    private void closePermit() {
        Headroom.checkForWait();
        Permit removed = permit.getAndSet(null);
        if (removed != null) {
            removed.close();
        }
    }

    @Override
    public void run() {
        Headroom.checkForWait();
        Permit removed = permit.getAndSet(null);
        if (removed == null) {
            return;
        }
        if (result.isDone()) {
            removed.close();
            return;
        }
        T value = null;
        Throwable failure = null;
        try {
            value = runAsOwner((Hold) removed);
        } catch (Throwable e) {
            failure = e;
        }
        try {
            removed.close();
        } finally {
            complete(value, failure);
        }
    }

    private T runAsOwner(Hold hold) {
        boolean adopted = adopt(hold, Thread.currentThread());
        try {
            return task.get();
        } finally {
            if (adopted) {
                disown(hold);
            }
        }
    }

    /** Makes a thread the owner of an asynchronous hold. Returns false if it already owns another hold of the key. */
    private static boolean adopt(Hold hold, Thread thread) {
        Entry e = hold.entry();
        e.stripe.lock();
        try {
            if (hold.owner != null || !hold.isHeld() || e.holdOf(thread) != null) {
                return false;
            }
            e.stripe.locker.noteHolder(thread);
            e.contended().setOwner(hold, thread);
            return true;
        } finally {
            e.stripe.unlock();
        }
    }

    /** Makes a hold asynchronous again. */
    private static void disown(Hold hold) {
        Entry e = hold.entry();
        e.stripe.lock();
        try {
            e.contended().setOwner(hold, null);
        } finally {
            e.stripe.unlock();
        }
    }

    @SuppressWarnings("NullAway") // the result of a task may be null
    private void complete(@Nullable T value, @Nullable Throwable failure) {
        if (failure == null) {
            result.complete(value);
        } else {
            result.completeExceptionally(failure);
        }
    }
}
