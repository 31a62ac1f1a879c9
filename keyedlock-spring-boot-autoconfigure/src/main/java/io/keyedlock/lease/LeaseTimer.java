// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The clock and the single timer thread of {@link Leases}. Tests simulate both. */
interface LeaseTimer {

    long nanoTime();

    /**
     * Runs a task once after a delay, unless the timer is shut down before.
     *
     * @return an action that cancels the task
     */
    Runnable schedule(Runnable task, long nanos);

    /** Discards all tasks that have not started. */
    void shutdown();

    /** Returns a timer with a daemon thread that lives only while a task is scheduled. */
    static LeaseTimer create(String threadName) {
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1, task -> {
            // The thread does not keep the thread locals or the class loader of the caller alive.
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
                    // The timer was shut down. Leases that are still in the store expire.
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
