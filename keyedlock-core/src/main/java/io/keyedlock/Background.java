// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The two threads of the engine, shared by all lockers: one ends timed waits of futures, the other scans for long holds and
 * calls listeners that may take their time. Each lives only while it has something to do.
 */
final class Background {

    static final ScheduledThreadPoolExecutor TIMER = executor("keyedlock-timer");

    static final ScheduledThreadPoolExecutor SCANNER = executor("keyedlock-scanner");

    private Background() {}

    /** Runs a task that neither waits nor calls foreign code. */
    static Future<?> schedule(Runnable task, long nanos) {
        return TIMER.schedule(task, nanos, TimeUnit.NANOSECONDS);
    }

    static void scheduleScan(Runnable scan, long nanos) {
        SCANNER.schedule(scan, nanos, TimeUnit.NANOSECONDS);
    }

    /** Runs what may call foreign code, where neither the caller's thread nor the timer's may be delayed. */
    static void execute(Runnable task) {
        CompletableFuture.runAsync(task);
    }

    private static ScheduledThreadPoolExecutor executor(String threadName) {
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1, task -> {
            // Neither the caller's thread locals nor its class loader are kept alive by this thread.
            Thread thread = new Thread(null, task, threadName, 0, false);
            thread.setContextClassLoader(null);
            thread.setDaemon(true);
            return thread;
        });
        executor.setKeepAliveTime(1, TimeUnit.SECONDS);
        executor.allowCoreThreadTimeOut(true);
        executor.setRemoveOnCancelPolicy(true);
        return executor;
    }
}
