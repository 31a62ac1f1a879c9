// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.redisson.api.RScript;
import org.redisson.api.RedissonClient;
import org.redisson.client.codec.StringCodec;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The questions that one locker asks Redis: each is answered or fails in its time, and from the last outcome it is known
 * whether Redis is there. Answers are told on Redisson's threads, time-outs on the locker's own.
 */
final class RedisCalls implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(RedisCalls.class);

    private final String lockName;
    private final boolean showKeys;
    private final RScript scripts;
    private final ScheduledThreadPoolExecutor scheduler;
    private final AtomicBoolean available = new AtomicBoolean(true);

    /**
     * Asks until Redis has answered for the first time: a client that was told to connect lazily does so in its first call, for
     * seconds if Redis is not there, and in the next call again. One thread, and none when nothing is asked.
     */
    private final ThreadPoolExecutor connector;

    /** Whether Redis has answered yet. The client has its connections then, and waits for nothing in a call. */
    private volatile boolean reached;

    /** Whether the client may be shut down by now, so that a failure says nothing of Redis. */
    private volatile boolean closing;

    RedisCalls(RedissonClient redisson, String lockName, boolean showKeys) {
        this.lockName = lockName;
        this.showKeys = showKeys;
        this.scripts = redisson.getScript(StringCodec.INSTANCE);
        this.scheduler = new ScheduledThreadPoolExecutor(1, task -> thread(task, "keyedlock-redis-" + lockName));
        scheduler.setRemoveOnCancelPolicy(true);
        scheduler.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        this.connector = new ThreadPoolExecutor(
                1,
                1,
                1,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                task -> thread(task, "keyedlock-redis-connect-" + lockName));
        connector.allowCoreThreadTimeOut(true);
    }

    private static Thread thread(Runnable task, String name) {
        Thread thread = new Thread(null, task, name, 0, false);
        thread.setContextClassLoader(null);
        thread.setDaemon(true);
        return thread;
    }

    /** Whether the last question was answered. */
    boolean isAvailable() {
        return available.get();
    }

    /**
     * Runs a script and tells the answer, or the failure if none came in time. An answer that comes too late is told besides,
     * as what was granted with it has to go back.
     *
     * @param patience how long the answer may take, in nanoseconds
     */
    void run(
            RedisScript script,
            List<Object> keys,
            long patience,
            BiConsumer<List<Long>, @Nullable Throwable> answer,
            Object... arguments) {
        AtomicBoolean timedOut = new AtomicBoolean();
        CompletableFuture<List<Long>> asked = ask(script, keys, arguments, timedOut);
        Future<?> timer = null;
        if (!asked.isDone()) {
            timer = schedule(
                    () -> {
                        if (!asked.isDone() && timedOut.compareAndSet(false, true)) {
                            TimeoutException late = noAnswer(patience);
                            seen(late);
                            tell(answer, null, late);
                        }
                    },
                    patience);
        }
        Future<?> end = timer;
        asked.whenComplete((value, failure) -> {
            if (end != null) {
                end.cancel(false);
            }
            Throwable cause =
                    failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
            if (timedOut.compareAndSet(false, true)) {
                seen(cause);
                tell(answer, value, cause);
            } else if (cause == null) {
                // Too late for who waited, who has been told; but a permit that was granted has to go back.
                seen(null);
                tell(answer, value, null);
            }
        });
    }

    private CompletableFuture<List<Long>> ask(
            RedisScript script, List<Object> keys, Object[] arguments, AtomicBoolean timedOut) {
        try {
            if (reached) {
                return script.run(scripts, keys, arguments);
            }
            return CompletableFuture.supplyAsync(
                            () -> timedOut.get()
                                    ? CompletableFuture.<List<Long>>failedFuture(
                                            new TimeoutException("not asked, as it took too long to connect"))
                                    : script.run(scripts, keys, arguments),
                            connector)
                    .thenCompose(answer -> answer);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    static TimeoutException noAnswer(long patience) {
        return new TimeoutException("no answer of Redis within " + TimeUnit.NANOSECONDS.toMillis(patience) + " ms");
    }

    private static void tell(
            BiConsumer<List<Long>, @Nullable Throwable> answer,
            @Nullable List<Long> value,
            @Nullable Throwable failure) {
        try {
            answer.accept(value == null ? List.of() : value, failure);
        } catch (RuntimeException e) {
            log.error("An answer of Redis could not be dealt with", e);
        }
    }

    /** A failure in a log line. What the client says about a command has the whole command in it, with the name of the key. */
    String words(Throwable failure) {
        return showKeys || failure instanceof TimeoutException
                ? failure.toString()
                : failure.getClass().getName();
    }

    private void seen(@Nullable Throwable failure) {
        boolean there = failure == null;
        if (there) {
            reached = true;
        } else if (closing) {
            return;
        }
        if (available.getAndSet(there) != there) {
            if (failure == null) {
                log.info("The locker '{}' has Redis again", lockName);
            } else if (showKeys) {
                log.warn("The locker '{}' cannot reach Redis, and grants no permits until it can", lockName, failure);
            } else {
                log.warn(
                        "The locker '{}' cannot reach Redis, and grants no permits until it can: {}",
                        lockName,
                        words(failure));
            }
        }
    }

    /** Does something on the thread of this locker. */
    Future<?> schedule(Runnable task, long nanos) {
        try {
            return scheduler.schedule(task, nanos, TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            // All is over; what is still under way ends with its lease.
            return CompletableFuture.completedFuture(null);
        }
    }

    /** The client may be shut down from now on: that Redis cannot be reached is told no more, and that it can be still is. */
    void closing() {
        closing = true;
    }

    /** Nothing times out any more from now on. */
    @Override
    public void close() {
        scheduler.shutdown();
        connector.shutdown();
    }
}
