// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.security.AccessController;
import java.security.PrivilegedAction;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The threads of the engine, shared by all lockers. One ends timed waits of futures, another scans for long holds and
 * deadlocks; neither runs foreign code that could delay it. Foreign code that must not run on the thread of an event runs on a
 * callback thread, in the order of the events. If a task there gets stuck while others wait, further callback threads are
 * started, up to {@link #MOST_THREADS}. Idle threads end.
 */
final class Background {

    /** The time for which foreign code may keep other tasks waiting. */
    static final long STUCK_NANOS = 100_000_000;

    static final int MOST_THREADS = 32;

    static final ScheduledThreadPoolExecutor TIMER =
            withIdleTimeout(new ScheduledThreadPoolExecutor(1, threads("keyedlock-timer")));

    static final ScheduledThreadPoolExecutor SCANNER =
            withIdleTimeout(new ScheduledThreadPoolExecutor(1, threads("keyedlock-scanner")));

    @SuppressWarnings("ErroneousThreadPoolConstructorChecker") // watch() adds threads
    static final ThreadPoolExecutor CALLBACKS = withIdleTimeout(new ThreadPoolExecutor(
            1, MOST_THREADS, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), threads("keyedlock-callbacks")));

    /** Whether {@link #watch} is scheduled. */
    private static final AtomicBoolean WATCHED = new AtomicBoolean();

    /** The number of callbacks that had ended at the last {@link #watch}. Used by the timer thread only. */
    private static long endedBefore;

    private Background() {}

    /** Runs a task that neither waits nor calls foreign code. */
    static Future<?> schedule(Runnable task, long nanos) {
        return TIMER.schedule(task, nanos, TimeUnit.NANOSECONDS);
    }

    /**
     * Runs a task that may call foreign code on a callback thread, so that it delays neither the current thread nor other
     * tasks. Runs it on the current thread if there is no callback thread and none can be started.
     */
    static void execute(Runnable task) {
        try {
            CALLBACKS.execute(task);
        } catch (OutOfMemoryError e) {
            task.run();
            return;
        }
        if (!WATCHED.get() && WATCHED.compareAndSet(false, true)) {
            scheduleWatch();
        }
    }

    private static void scheduleWatch() {
        try {
            schedule(Background::watch, STUCK_NANOS);
        } catch (RuntimeException | Error e) {
            // The next task tries again.
            WATCHED.set(false);
        }
    }

    /** Starts another thread if tasks wait and none has ended since the last call. */
    private static void watch() {
        WATCHED.set(false);
        long ended = CALLBACKS.getCompletedTaskCount();
        boolean waiting = !CALLBACKS.getQueue().isEmpty();
        if (!waiting || ended == endedBefore) {
            try {
                CALLBACKS.setCorePoolSize(Math.min(MOST_THREADS, CALLBACKS.getActiveCount() + 1));
            } catch (OutOfMemoryError e) {
                // No thread can be started now. The next call tries again.
            }
        }
        endedBefore = ended;
        if (waiting && WATCHED.compareAndSet(false, true)) {
            scheduleWatch();
        }
    }

    private static <E extends ThreadPoolExecutor> E withIdleTimeout(E executor) {
        executor.setKeepAliveTime(1, TimeUnit.SECONDS);
        executor.allowCoreThreadTimeOut(true);
        if (executor instanceof ScheduledThreadPoolExecutor scheduled) {
            scheduled.setRemoveOnCancelPolicy(true);
        }
        return executor;
    }

    private static ThreadFactory threads(String name) {
        return task -> {
            try {
                return privileged(() -> thread(task, name));
            } catch (LinkageError e) {
                // A JDK without AccessController has no contexts to inherit.
                return thread(task, name);
            }
        };
    }

    /** Prevents the new thread from inheriting the caller's access-control context, and with it the caller's class loader. */
    @SuppressWarnings("removal") // needed as long as threads inherit a context
    private static Thread privileged(PrivilegedAction<Thread> action) {
        return AccessController.doPrivileged(action);
    }

    /** Creates a thread that keeps neither the caller's thread locals nor its context class loader reachable. */
    private static Thread thread(Runnable task, String name) {
        Thread thread = new Thread(null, task, name, 0, false);
        thread.setContextClassLoader(null);
        thread.setDaemon(true);
        return thread;
    }
}
