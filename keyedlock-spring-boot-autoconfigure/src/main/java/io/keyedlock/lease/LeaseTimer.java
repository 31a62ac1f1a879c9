// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The clock and the one thread of {@link Leases}; tests simulate both. */
interface LeaseTimer {

    long nanoTime();

    /**
     * Runs a task once, after a delay, unless the timer was shut down before.
     *
     * @return cancels the task
     */
    Runnable schedule(Runnable task, long nanos);

    /** Discards all tasks that have not started. */
    void shutdown();

    /** Returns a timer with a daemon thread that lives only while something is scheduled. */
    static LeaseTimer create(String threadName) {
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1, task -> {
            // Keeps alive neither the thread locals nor the class loader of the caller.
            Thread thread = new Thread(null, task, threadName, 0, false);
            thread.setContextClassLoader(null);
            thread.setDaemon(true);
            return thread;
        });
        executor.setKeepAliveTime(1, TimeUnit.SECONDS);
        executor.allowCoreThreadTimeOut(true);
        executor.setRemoveOnCancelPolicy(true);
        executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        return new LeaseTimer() {
            @Override
            public long nanoTime() {
                return System.nanoTime();
            }

            @Override
            public Runnable schedule(Runnable task, long nanos) {
                try {
                    var scheduled = executor.schedule(task, nanos, TimeUnit.NANOSECONDS);
                    return () -> scheduled.cancel(false);
                } catch (RejectedExecutionException e) {
                    // Shut down; what is still held in the store ends by itself.
                    return () -> {};
                }
            }

            @Override
            public void shutdown() {
                executor.shutdown();
            }
        };
    }
}
