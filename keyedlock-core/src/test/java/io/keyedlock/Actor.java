// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.catchThrowable;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** A thread that runs the actions of a test sequentially. */
final class Actor {

    private final ExecutorService executor;

    private volatile Thread thread;

    Actor(String name) {
        executor = Executors.newSingleThreadExecutor(task -> {
            Thread made = new Thread(task, name);
            made.setDaemon(true);
            thread = made;
            return made;
        });
        does(() -> null);
    }

    Thread thread() {
        return thread;
    }

    /** Runs an action and waits for it. Throws the exception of the action. */
    <T> T does(Callable<T> action) {
        return result(begins(action));
    }

    void runs(Runnable action) {
        does(() -> {
            action.run();
            return null;
        });
    }

    /** Starts an action without waiting for it. */
    <T> Future<T> begins(Callable<T> action) {
        return executor.submit(action);
    }

    static <T> T result(Future<T> future) {
        try {
            return future.get(2, TimeUnit.MINUTES);
        } catch (ExecutionException e) {
            throw Actor.<RuntimeException>unchecked(e.getCause());
        } catch (Exception e) {
            throw Actor.<RuntimeException>unchecked(e);
        }
    }

    /** Returns the failure of an action or a future. */
    static Throwable failure(Future<?> future) {
        return catchThrowable(() -> result(future));
    }

    @SuppressWarnings("unchecked") // throws any exception as unchecked
    private static <E extends Throwable> RuntimeException unchecked(Throwable failure) throws E {
        throw (E) failure;
    }

    void dismiss() {
        executor.shutdownNow();
    }
}
