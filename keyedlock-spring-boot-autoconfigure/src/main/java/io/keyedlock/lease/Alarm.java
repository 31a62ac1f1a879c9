// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import java.util.concurrent.TimeUnit;

/** A task that runs at the earliest of the times that were requested since it last began. */
final class Alarm {

    private static final long LEAST_DELAY_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

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
     * Ensures that the task begins at a time or earlier. If it begins just now, it sees all that the caller did before. Throws,
     * and changes nothing, if no thread can be started.
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
        task.run();
    }
}
