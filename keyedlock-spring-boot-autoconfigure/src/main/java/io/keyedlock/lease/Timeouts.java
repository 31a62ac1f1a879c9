// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The timeouts of calls, nearly all of which are cancelled. One alarm serves them all: scheduling each on its own would wake the
 * timer's thread with each call.
 */
final class Timeouts {

    private static final class Timeout {

        final Runnable task;
        final long time;

        Timeout(Runnable task, long time) {
            this.task = task;
            this.time = time;
        }
    }

    private final LeaseTimer timer;
    private final Alarm alarm;
    private final Set<Timeout> pending = ConcurrentHashMap.newKeySet();

    Timeouts(LeaseTimer timer) {
        this.timer = timer;
        this.alarm = new Alarm(timer, this::expire);
    }

    /**
     * Runs a task after a delay.
     *
     * @return an action that cancels the task
     */
    Runnable schedule(Runnable task, long nanos) {
        Timeout timeout = new Timeout(task, timer.nanoTime() + nanos);
        pending.add(timeout);
        try {
            alarm.by(timeout.time);
        } catch (RuntimeException | Error e) {
            pending.remove(timeout);
            throw e;
        }
        return () -> pending.remove(timeout);
    }

    /** Runs the tasks that are due, which needs no memory, and only then schedules the next run. */
    private void expire() {
        long now = timer.nanoTime();
        long next = Long.MAX_VALUE;
        for (Iterator<Timeout> all = pending.iterator(); all.hasNext(); ) {
            Timeout timeout = all.next();
            long left = timeout.time - now;
            if (left > 0) {
                next = Math.min(next, left);
            } else if (pending.remove(timeout)) {
                run(timeout.task);
            }
        }
        if (next != Long.MAX_VALUE) {
            alarm.by(now + next);
        }
    }

    private static void run(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException | Error e) {
            Leases.LOG.error("A timeout could not be processed", e);
        }
    }
}
