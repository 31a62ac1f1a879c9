// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.awaitility.Awaitility;

/** One call on its own thread. */
final class OtherThread<T> {

    private final FutureTask<T> call;

    final Thread thread;

    private volatile boolean interruptedAtTheEnd;

    private OtherThread(ThreadFactory threads, Callable<T> action) {
        call = new FutureTask<>(() -> {
            try {
                return action.call();
            } finally {
                interruptedAtTheEnd = Thread.currentThread().isInterrupted();
            }
        });
        thread = threads.newThread(call);
        thread.start();
    }

    static <T> OtherThread<T> calls(Callable<T> action) {
        return calls(OtherThread::daemon, action);
    }

    static <T> OtherThread<T> calls(ThreadFactory threads, Callable<T> action) {
        return new OtherThread<>(threads, action);
    }

    static Thread daemon(Runnable task) {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    }

    /** Starts a call like {@link #calls} and waits until it is in the queue of a key, behind a number of waiters. */
    static <T> OtherThread<T> waitsFor(KeyedLocker<String> locker, String key, int ahead, Callable<T> action) {
        OtherThread<T> other = calls(action);
        until(() -> waiters(locker, key) == ahead + 1);
        return other;
    }

    static int waiters(KeyedLocker<String> locker, String key) {
        return locker.snapshot(key).map(s -> s.waiters().size()).orElse(0);
    }

    static int holders(KeyedLocker<String> locker, String key) {
        return locker.snapshot(key).map(s -> s.holders().size()).orElse(0);
    }

    static void until(BooleanSupplier condition) {
        Awaitility.await()
                .pollDelay(0, TimeUnit.MILLISECONDS)
                .pollInterval(1, TimeUnit.MILLISECONDS)
                .atMost(2, TimeUnit.MINUTES)
                .until(condition::getAsBoolean);
    }

    /** Returns the result of the call. Fails if the call threw. */
    T result() {
        return outcome(call).orElseThrow(() -> new AssertionError("it failed", failure()));
    }

    /** Returns the exception of the call. */
    Throwable failure() {
        try {
            throw new AssertionError("it returned " + call.get(2, TimeUnit.MINUTES));
        } catch (ExecutionException e) {
            return e.getCause();
        } catch (InterruptedException | TimeoutException e) {
            throw new AssertionError("it does not end", e);
        }
    }

    boolean isDone() {
        return call.isDone();
    }

    /** Returns whether the interrupt flag was set when the call ended. */
    boolean endedInterrupted() {
        until(call::isDone);
        return interruptedAtTheEnd;
    }

    private static <T> Optional<T> outcome(FutureTask<T> call) {
        try {
            return Optional.ofNullable(call.get(2, TimeUnit.MINUTES));
        } catch (ExecutionException e) {
            return Optional.empty();
        } catch (InterruptedException | TimeoutException e) {
            throw new AssertionError("it does not end", e);
        }
    }
}
