// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Completes futures on the thread that ended their wait. Their callbacks may close permits and so end the wait of further
 * futures. Those completions nest up to a maximum depth; beyond it they are deferred until the innermost completion returns, so
 * that no chain of completions overflows the stack.
 *
 * <p>A callback may also park. A completion that was deferred behind one for {@link Background#STUCK_NANOS} is taken over by a
 * thread of the engine.
 */
final class Trampoline {

    private static final int MAX_DEPTH = 16;

    private static final ThreadLocal<Trampoline> OF_THREAD = new ThreadLocal<>();

    /**
     * The waiters that could not be completed because the stack or heap of their thread was exhausted. They are completed a
     * little later, or by the next completion on any thread. Linked by {@link Waiter#nextDone}.
     */
    private static final AtomicReference<@Nullable Waiter> STRANDED = new AtomicReference<>();

    /** The deferred completions. Added by the owning thread, removed by it or by the timer. */
    private final ConcurrentLinkedQueue<Waiter> deferred = new ConcurrentLinkedQueue<>();

    /** Whether {@link #checkProgress} is scheduled. Set by the owning thread, cleared by the timer. */
    private volatile boolean watched;

    /** The number of completions that have returned. Written by the owning thread only. */
    private volatile int returned;

    /** Used by the owning thread only. */
    private int depth;

    private Trampoline() {}

    /**
     * Selects the futures among waiters whose wait is over.
     *
     * @param done the first waiter, linked by {@link Waiter#nextDone}, or null
     * @return the first waiter with a future, linked in the same way, or null
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

    /** As {@link #complete}, on a callback thread: for a thread that must not run foreign code. */
    static void completeOffThread(Waiter done) {
        try {
            Background.execute(() -> {
                try {
                    complete(done);
                } catch (Throwable e) {
                    // The waiter is stranded by now.
                }
            });
        } catch (Throwable e) {
            strand(done);
        }
    }

    /**
     * Completes the futures of waiters whose wait is over, or defers them. Called with no lock held.
     *
     * @param done the first waiter, linked by {@link Waiter#nextDone}
     */
    static void complete(Waiter done) {
        Trampoline own;
        try {
            own = ofThread();
        } catch (Throwable e) {
            strand(done);
            throw e;
        }
        own.completeOrDefer(done);
    }

    /** Runs an action of the engine. Futures whose wait it ends are completed after it has returned. */
    static void completeAfter(Runnable action) {
        Trampoline own = ofThread();
        int before = own.depth;
        own.depth = MAX_DEPTH;
        try {
            action.run();
        } finally {
            own.depth = before;
            own.completeDeferred();
        }
    }

    private static Trampoline ofThread() {
        Trampoline own = OF_THREAD.get();
        if (own == null) {
            own = new Trampoline();
            OF_THREAD.set(own);
        }
        return own;
    }

    private void completeOrDefer(Waiter done) {
        Waiter stranded = STRANDED.get() == null ? null : STRANDED.getAndSet(null);
        if (stranded != null) {
            defer(stranded);
        }
        Waiter others = done.nextDone;
        if (others != null) {
            done.nextDone = null;
            defer(others);
        }
        if (depth == MAX_DEPTH) {
            defer(done);
            return;
        }
        depth++;
        try {
            finish(done);
            if (depth == MAX_DEPTH || others != null || stranded != null) {
                finishDeferred();
            }
        } finally {
            leave();
        }
    }

    /** Completes the deferred futures, unless an outer completion does. */
    private void completeDeferred() {
        if (depth < MAX_DEPTH) {
            depth++;
            try {
                finishDeferred();
            } finally {
                leave();
            }
        }
    }

    private void finishDeferred() {
        for (Waiter w = deferred.poll(); w != null; w = deferred.poll()) {
            finish(w);
        }
    }

    private void leave() {
        depth--;
        if (depth == 0) {
            OF_THREAD.remove();
            // None is left unless a completion has failed.
            for (Waiter w = deferred.poll(); w != null; w = deferred.poll()) {
                strand(w);
            }
        }
    }

    private void defer(Waiter done) {
        for (Waiter w = done; w != null; ) {
            Waiter following = w.nextDone;
            w.nextDone = null;
            try {
                deferred.add(w);
            } catch (OutOfMemoryError e) {
                w.nextDone = following;
                strand(w);
                break;
            }
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
            Background.schedule(() -> checkProgress(before), Background.STUCK_NANOS);
        } catch (RuntimeException | Error e) {
            // No thread can be started to take over. This one completes them.
            watched = false;
        }
    }

    /** Takes over the deferred completions, unless completions have returned meanwhile. */
    private void checkProgress(int returnedBefore) {
        // Cleared first: completions deferred later are watched again, and those deferred earlier are found here.
        watched = false;
        if (returned != returnedBefore && !deferred.isEmpty()) {
            watch();
            return;
        }
        for (Waiter w = deferred.poll(); w != null; w = deferred.poll()) {
            completeOffThread(w);
        }
    }

    /**
     * Completes one future. If the stack or the heap of this thread is exhausted, another thread does; callbacks do not throw.
     */
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
            Background.schedule(Trampoline::completeStranded, Background.STUCK_NANOS);
        } catch (Throwable e) {
            // Left to the next completion.
        }
    }

    /** Runs on the timer thread. */
    private static void completeStranded() {
        Waiter stranded = STRANDED.getAndSet(null);
        if (stranded != null) {
            completeOffThread(stranded);
        }
    }
}
