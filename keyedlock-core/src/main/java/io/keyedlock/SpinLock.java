// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * A lock of one word for short critical sections, usually a few dozen instructions, that never park, complete a future or call
 * a listener. Neither reentrant nor fair. What a section writes is visible to the next one.
 */
class SpinLock extends Padding {

    private static final VarHandle WORD = Statics.handle(MethodHandles.lookup(), "word", int.class);

    /**
     * The number of times that a thread spins before it yields; zero on a single processor. Virtual threads spin, too: the
     * owner never parks, so it is running, while a yield would put this thread behind all others that are ready.
     */
    static final int SPINS = Runtime.getRuntime().availableProcessors() > 1 ? 64 : 0;

    /** The number of times that a thread yields before it sleeps, which lets an owner of lower priority run. */
    private static final int YIELDS = 32;

    private static final long SLEEP_NANOS = 50_000;

    /** 1 while locked. Set by compare-and-set, cleared by the owner behind a release fence. */
    @SuppressWarnings("UnusedVariable") // read through WORD
    private int word;

    final void lock() {
        if (!WORD.compareAndSet(this, 0, 1)) {
            lockContended();
        }
    }

    /** Locks if the lock is free. */
    final boolean tryLock() {
        return looksFree() && WORD.compareAndSet(this, 0, 1);
    }

    /** Unlocks without a call that could fail: {@code word} is cleared even if the stack has no room for the fence. */
    final void unlock() {
        try {
            VarHandle.releaseFence();
        } finally {
            word = 0;
        }
    }

    private boolean looksFree() {
        return (int) WORD.getOpaque(this) == 0;
    }

    @SuppressWarnings("ThreadPriorityCheck") // the owner may need this processor to continue
    private void lockContended() {
        boolean interrupted = false;
        for (int attempt = 0; ; attempt++) {
            if (looksFree()) {
                if (interrupted) {
                    // Before locking, because a subclass of Thread may override it.
                    interrupted = false;
                    Thread.currentThread().interrupt();
                }
                if (tryLock()) {
                    return;
                }
            }
            if (attempt < SPINS) {
                Thread.onSpinWait();
            } else if (attempt < SPINS + YIELDS) {
                Thread.yield();
            } else {
                // With the flag set it would not sleep, and a virtual thread would never leave the processor to the
                // owner.
                interrupted |= Thread.interrupted();
                LockSupport.parkNanos(SLEEP_NANOS);
            }
        }
    }
}
