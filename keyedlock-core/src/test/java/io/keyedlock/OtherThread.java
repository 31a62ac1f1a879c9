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

/** One call on a thread of its own. */
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

    /** As {@link #calls}, once it stands in the queue of a key behind so many others. */
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

    /** What the call returned; fails if it threw. */
    T result() {
        return outcome(call).orElseThrow(() -> new AssertionError("it failed", failure()));
    }

    /** What the call threw. */
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

    /** Whether the interrupt flag was set as the call ended. */
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
