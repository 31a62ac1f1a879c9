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
 * The threads of the engine, shared by all lockers. One ends timed waits of futures, another scans for long holds; neither
 * runs foreign code that could delay it. Foreign code that must not run on the thread of an event runs on a third, in the
 * order of the events. While a task there gets stuck and others wait, further threads are started for them, up to
 * {@link #MOST_THREADS}. Each thread lives only while it has something to do.
 */
final class Background {

    /** For how long foreign code may keep other tasks waiting. */
    static final long STUCK_NANOS = 100_000_000;

    static final int MOST_THREADS = 32;

    static final ScheduledThreadPoolExecutor TIMER =
            living(new ScheduledThreadPoolExecutor(1, threads("keyedlock-timer")));

    static final ScheduledThreadPoolExecutor SCANNER =
            living(new ScheduledThreadPoolExecutor(1, threads("keyedlock-scanner")));

    @SuppressWarnings("ErroneousThreadPoolConstructorChecker") // watch() is what makes it grow
    static final ThreadPoolExecutor CALLBACKS = living(new ThreadPoolExecutor(
            1, MOST_THREADS, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), threads("keyedlock-callbacks")));

    /** Whether {@link #watch} is scheduled. */
    private static final AtomicBoolean WATCHED = new AtomicBoolean();

    /** How many callbacks had ended when the watch looked last. Used by the timer's thread only. */
    private static long endedBefore;

    private Background() {}

    /** Runs a task that neither waits nor calls foreign code. */
    static Future<?> schedule(Runnable task, long nanos) {
        return TIMER.schedule(task, nanos, TimeUnit.NANOSECONDS);
    }

    static void scheduleScan(Runnable scan, long nanos) {
        SCANNER.schedule(scan, nanos, TimeUnit.NANOSECONDS);
    }

    /**
     * Runs a task that may call foreign code, where neither the current thread nor another task may be delayed by it. Runs it
     * on the current thread if there is no other and none can be started.
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

    /** Starts another thread if tasks wait and none has ended since the last look. */
    private static void watch() {
        WATCHED.set(false);
        long ended = CALLBACKS.getCompletedTaskCount();
        boolean waiting = !CALLBACKS.getQueue().isEmpty();
        if (!waiting || ended == endedBefore) {
            try {
                CALLBACKS.setCorePoolSize(Math.min(MOST_THREADS, CALLBACKS.getActiveCount() + 1));
            } catch (OutOfMemoryError e) {
                // No thread can be started now; perhaps at the next look.
            }
        }
        endedBefore = ended;
        if (waiting && WATCHED.compareAndSet(false, true)) {
            scheduleWatch();
        }
    }

    private static <E extends ThreadPoolExecutor> E living(E executor) {
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
                // A JDK without AccessController has no contexts to inherit either.
                return thread(task, name);
            }
        };
    }

    /** Keeps the new thread from inheriting the access-control context of the caller, and with it the caller's class loader. */
    @SuppressWarnings("removal") // needed as long as threads inherit a context
    private static Thread privileged(PrivilegedAction<Thread> action) {
        return AccessController.doPrivileged(action);
    }

    /** Neither the caller's thread locals nor its context class loader are kept alive by this thread. */
    private static Thread thread(Runnable task, String name) {
        Thread thread = new Thread(null, task, name, 0, false);
        thread.setContextClassLoader(null);
        thread.setDaemon(true);
        return thread;
    }
}
