// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A task that runs at the earliest of the times that were requested since it last began. */
final class Alarm {

    private static final long LEAST_DELAY_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** The delay before a run that has failed is repeated. */
    private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final LeaseTimer timer;
    private final Runnable task;

    /** Whether the task is scheduled, for {@link #time}. Writes are guarded by this; reads are not. */
    private volatile boolean scheduled;

    private volatile long time;

    /** Guarded by this. */
    private Runnable cancel = () -> {};

    Alarm(LeaseTimer timer, Runnable task) {
        this.timer = timer;
        this.task = task;
    }

    /**
     * Ensures that the task begins at a time or earlier. A run that is just beginning sees all actions of the caller before this
     * call. If this method throws, because there is no memory or thread, later calls are unaffected.
     */
    void by(long when) {
        if (scheduled && time - when <= 0) {
            return;
        }
        synchronized (this) {
            if (!scheduled || time - when > 0) {
                Runnable before = cancel;
                cancel = timer.schedule(this::run, Math.max(LEAST_DELAY_NANOS, when - timer.nanoTime()));
                time = when;
                scheduled = true;
                before.run();
            }
        }
    }

    private void run() {
        synchronized (this) {
            scheduled = false;
        }
        try {
            task.run();
        } catch (RuntimeException | Error e) {
            // Mostly for lack of memory. Without a next run, nobody would notice what is due.
            while (!isScheduledAgain()) {
                LockSupport.parkNanos(RETRY_NANOS);
            }
        }
    }

    private boolean isScheduledAgain() {
        try {
            by(timer.nanoTime() + RETRY_NANOS);
            return true;
        } catch (RuntimeException | Error e) {
            return false;
        }
    }
}
