// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The background task that scans all active lockers: each in its own interval, and all of them for deadlocks. It runs while
 * there is a locker to scan.
 *
 * <p>It runs no foreign code (listeners, loggers and callbacks run on other threads), so none can block it. Once running, it
 * needs neither memory nor a further thread to continue, so whatever the scan of one locker throws, the next scan follows. It
 * refers to lockers weakly.
 *
 * <p><b>Invariant: no locker is missed.</b> A caller adds its locker before it reads {@link #CURRENT}. The task that ends
 * clears {@link #CURRENT} before it checks for lockers once more. So the caller finds no task and starts one, or the task finds
 * the locker.
 */
final class Scanner implements Runnable {

    static final long SHORTEST_INTERVAL = 1_000_000;

    static final long LONGEST_INTERVAL = 1_000_000_000;

    /** The lockers that may be active. Scans of garbage-collected lockers remain until {@link #add} removes them. */
    static final Set<LockerScan> LOCKERS = ConcurrentHashMap.newKeySet();

    /** The scans of garbage-collected lockers. */
    static final ReferenceQueue<Engine> DROPPED = new ReferenceQueue<>();

    /**
     * The task that is running or scheduled, or null. Any other task does nothing: it may be in the executor's queue although
     * scheduling it has failed.
     */
    private static final AtomicReference<@Nullable Scanner> CURRENT = new AtomicReference<>();

    /** Written once by this task's thread. */
    private volatile @Nullable Thread thread;

    /** The length of the current pause, or {@link Long#MAX_VALUE} while it is computed. Written by this task's thread. */
    private volatile long pause = Long.MAX_VALUE;

    private Scanner() {}

    /** Adds a locker and ensures that the task runs. Throws the failure if the task cannot be started. */
    static void add(LockerScan scan) {
        for (Reference<?> dropped = DROPPED.poll(); dropped != null; dropped = DROPPED.poll()) {
            LOCKERS.remove(dropped);
        }
        LOCKERS.add(scan);
        for (Scanner current = CURRENT.get(); ; current = CURRENT.get()) {
            if (current != null) {
                if (scan.interval < current.pause) {
                    LockSupport.unpark(current.thread);
                }
                return;
            }
            if (startNew()) {
                return;
            }
        }
    }

    private static boolean startNew() {
        Scanner fresh = new Scanner();
        if (!CURRENT.compareAndSet(null, fresh)) {
            return false;
        }
        try {
            Background.SCANNER.execute(fresh);
            return true;
        } catch (Throwable e) {
            abandonAll();
            throw e;
        }
    }

    /** Makes the next caller of each locker start the task again, because other callers may have relied on this one. */
    private static void abandonAll() {
        CURRENT.set(null);
        LOCKERS.forEach(LockerScan::stop);
    }

    @Override
    public void run() {
        if (CURRENT.get() != this) {
            return;
        }
        thread = Thread.currentThread();
        WaitEvent.initialize();
        try {
            do {
                runWhileThereAreLockers();
                CURRENT.set(null);
            } while (!LOCKERS.isEmpty() && CURRENT.compareAndSet(null, this));
        } finally {
            if (CURRENT.get() == this) {
                abandonAll();
            }
        }
    }

    private void runWhileThereAreLockers() {
        while (!LOCKERS.isEmpty()) {
            try {
                pause();
                scanDueLockers();
            } catch (Throwable e) {
                // Most likely out of memory: the scans report their own failures. Parking needs no memory.
                LockSupport.parkNanos(this, LONGEST_INTERVAL);
            }
        }
    }

    private void pause() {
        pause = Long.MAX_VALUE;
        long now = System.nanoTime();
        long shortest = LONGEST_INTERVAL;
        for (LockerScan scan : LOCKERS) {
            shortest = Math.min(shortest, scan.due - now);
        }
        pause = shortest;
        if (shortest > 0) {
            // With the flag set it would not sleep.
            Thread.interrupted();
            LockSupport.parkNanos(this, shortest);
        }
    }

    private static void scanDueLockers() {
        long now = System.nanoTime();
        Engine suspicious = null;
        for (LockerScan scan : LOCKERS) {
            if (scan.due - now <= 0 && scan.scan()) {
                suspicious = scan.get();
            }
        }
        if (suspicious != null) {
            searchForDeadlocks(suspicious);
        }
    }

    private static void searchForDeadlocks(Engine suspicious) {
        try {
            new DeadlockSearch(suspicious.clock.nanoTime()).run();
        } catch (Throwable e) {
            LockerScan.warn(suspicious, "The deadlock search failed and will be repeated", e);
        }
    }
}
