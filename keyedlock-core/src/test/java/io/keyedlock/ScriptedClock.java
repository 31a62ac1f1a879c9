// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A clock that stands still until it is told to advance, and a park in which the test acts: instead of parking, a thread
 * with a script does the next step of it and returns, so that whatever the step does has happened between two looks of
 * that thread. A thread without a script parks in earnest.
 */
final class ScriptedClock extends Clock {

    private static final long SLICE = 2_000_000;

    private final AtomicLong now = new AtomicLong(1_000_000_000);

    private final Map<Thread, Queue<Runnable>> scripts = new ConcurrentHashMap<>();

    final AtomicInteger readings = new AtomicInteger();

    final AtomicInteger parkings = new AtomicInteger();

    /** The times asked for, without end as {@link Long#MAX_VALUE}. */
    final List<Long> pauses = new CopyOnWriteArrayList<>();

    void advance(Duration time) {
        now.addAndGet(time.toNanos());
    }

    /** What a thread does when it would park, one step each time. */
    void script(Thread thread, Runnable... steps) {
        scripts.computeIfAbsent(thread, t -> new ConcurrentLinkedQueue<>()).addAll(List.of(steps));
    }

    boolean isPlayedOut(Thread thread) {
        Queue<Runnable> steps = scripts.get(thread);
        return steps == null || steps.isEmpty();
    }

    @Override
    long nanoTime() {
        readings.incrementAndGet();
        return now.get();
    }

    @Override
    void park(Object blocker) {
        pause(blocker, Long.MAX_VALUE);
    }

    @Override
    void parkNanos(Object blocker, long nanos) {
        pause(blocker, nanos);
    }

    private void pause(Object blocker, long nanos) {
        parkings.incrementAndGet();
        pauses.add(nanos);
        Queue<Runnable> steps = scripts.get(Thread.currentThread());
        Runnable step = steps == null ? null : steps.poll();
        if (step != null) {
            step.run();
        } else if (nanos == Long.MAX_VALUE) {
            LockSupport.park(blocker);
        } else {
            // Time passes on this clock only, so look from time to time whether it has.
            LockSupport.parkNanos(blocker, Math.min(nanos, SLICE));
        }
    }
}
