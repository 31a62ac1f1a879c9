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
 * A clock that only {@link #advance} moves, and a park that runs steps of the test: instead of parking, a thread
 * with a script runs its next step and returns, so that the step happens between two checks of
 * that thread. A thread without a script really parks.
 */
final class ScriptedClock extends Clock {

    private static final long SLICE = 2_000_000;

    private final AtomicLong now = new AtomicLong(1_000_000_000);

    private final Map<Thread, Queue<Runnable>> scripts = new ConcurrentHashMap<>();

    final AtomicInteger readings = new AtomicInteger();

    final AtomicInteger parkings = new AtomicInteger();

    /** The requested park times; {@link Long#MAX_VALUE} is an untimed park. */
    final List<Long> pauses = new CopyOnWriteArrayList<>();

    void advance(Duration time) {
        now.addAndGet(time.toNanos());
    }

    /** The steps of each thread, one for each park. */
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
            // Only this clock passes time, so poll it.
            LockSupport.parkNanos(blocker, Math.min(nanos, SLICE));
        }
    }
}
