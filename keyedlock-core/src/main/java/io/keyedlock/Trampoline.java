// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Completes futures on the thread that ended their wait. Their callbacks may close permits and so end the wait of further
 * futures, which are completed right there, up to a depth; from there on they are put off until the innermost completion
 * returns, so that no chain of them overflows the stack.
 *
 * <p>A callback may also park. What was put off behind one for {@link Background#STUCK_NANOS} is completed by a thread of the
 * engine.
 */
final class Trampoline {

    private static final int DEEPEST = 16;

    private static final ThreadLocal<Trampoline> OF_THREAD = new ThreadLocal<>();

    /**
     * Waiters whose delivery ended before it began, as the stack of their thread had ended: completed a little later, or by the
     * next delivery on any thread. Linked by {@link Waiter#nextDone}.
     */
    private static final AtomicReference<@Nullable Waiter> STRANDED = new AtomicReference<>();

    /** Filled by the thread to which this belongs, emptied by it or by the timer. */
    private final ConcurrentLinkedQueue<Waiter> putOff = new ConcurrentLinkedQueue<>();

    /** Whether {@link #look} is to come. Set by the thread to which this belongs, cleared by the timer. */
    private volatile boolean watched;

    /** How many completions have returned. Written by the thread to which this belongs only. */
    private volatile int returned;

    /** Used by the thread to which this belongs only. */
    private int depth;

    private Trampoline() {}

    /**
     * Keeps the futures among waiters whose wait is over.
     *
     * @param done the first of them, which are linked by {@link Waiter#nextDone}, or null
     * @return the first of the futures, linked likewise, or null
     */
    static @Nullable Waiter futuresOf(@Nullable Waiter done) {
        Waiter first = null;
        Waiter last = null;
        for (Waiter w = done; w != null; ) {
            Waiter following = w.nextDone;
            w.nextDone = null;
            if (w.future != null) {
                if (last == null) {
                    first = w;
                } else {
                    last.nextDone = w;
                }
                last = w;
            }
            w = following;
        }
        return first;
    }

    /** As {@link #deliver}, on the engine's thread for callbacks: for a thread that must not run anybody's code. */
    static void deliverElsewhere(Waiter done) {
        try {
            Background.execute(() -> {
                try {
                    deliver(done);
                } catch (Throwable e) {
                    // It was stranded there.
                }
            });
        } catch (Throwable e) {
            strand(done);
        }
    }

    /**
     * Completes the futures of waiters whose wait is over, or puts them off. To be called with no lock held.
     *
     * @param done the first of them, which are linked by {@link Waiter#nextDone}
     */
    static void deliver(Waiter done) {
        boolean begun = false;
        try {
            Trampoline mine = OF_THREAD.get();
            if (mine == null) {
                mine = new Trampoline();
                OF_THREAD.set(mine);
            }
            begun = true;
            mine.complete(done);
        } finally {
            if (!begun) {
                strand(done);
            }
        }
    }

    private void complete(Waiter done) {
        Waiter stranded = STRANDED.get() == null ? null : STRANDED.getAndSet(null);
        if (stranded != null) {
            putOff(stranded);
        }
        Waiter others = done.nextDone;
        if (others != null) {
            done.nextDone = null;
            putOff(others);
        }
        if (depth == DEEPEST) {
            putOff(done);
            return;
        }
        depth++;
        try {
            finish(done);
            if (depth == DEEPEST || others != null || stranded != null) {
                for (Waiter w = putOff.poll(); w != null; w = putOff.poll()) {
                    finish(w);
                }
            }
        } finally {
            depth--;
            if (depth == 0) {
                OF_THREAD.remove();
                // None are left unless a completion has failed.
                for (Waiter w = putOff.poll(); w != null; w = putOff.poll()) {
                    strand(w);
                }
            }
        }
    }

    private void putOff(Waiter done) {
        for (Waiter w = done; w != null; ) {
            Waiter following = w.nextDone;
            w.nextDone = null;
            putOff.add(w);
            w = following;
        }
        watch();
    }

    private void watch() {
        if (watched) {
            return;
        }
        watched = true;
        int before = returned;
        try {
            Background.schedule(() -> look(before), Background.STUCK_NANOS);
        } catch (RuntimeException | Error e) {
            // No thread can be started for it. This one completes them.
            watched = false;
        }
    }

    /** Takes over what was put off, unless completions have returned meanwhile. */
    private void look(int returnedBefore) {
        // First: what is put off from now on is watched anew, and what was put off before is found here.
        watched = false;
        if (returned != returnedBefore && !putOff.isEmpty()) {
            watch();
            return;
        }
        for (Waiter w = putOff.poll(); w != null; w = putOff.poll()) {
            deliverElsewhere(w);
        }
    }

    /** Callbacks do not throw. If the stack or the heap of this thread has ended, another thread completes the future. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // one thread writes
    private void finish(Waiter waiter) {
        try {
            PermitFuture.finish(waiter);
            returned++;
        } catch (Throwable e) {
            strand(waiter);
            throw e;
        }
    }

    private static void strand(Waiter done) {
        Waiter last = done;
        while (last.nextDone != null) {
            last = last.nextDone;
        }
        Waiter before;
        do {
            before = STRANDED.get();
            last.nextDone = before;
        } while (!STRANDED.compareAndSet(before, done));
        try {
            Background.schedule(Trampoline::deliverStranded, Background.STUCK_NANOS);
        } catch (Throwable e) {
            // Left to the next delivery.
        }
    }

    /** On the timer's thread. */
    private static void deliverStranded() {
        Waiter stranded = STRANDED.getAndSet(null);
        if (stranded != null) {
            deliverElsewhere(stranded);
        }
    }
}
