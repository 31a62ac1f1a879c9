// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * A lock of one word for short sections, most often a few dozen instructions, that never park, never complete a future and
 * never call a listener. Not re-entrant, not fair. What a section writes is visible to the next one.
 */
class SpinLock extends Padding {

    private static final VarHandle WORD = Statics.handle(MethodHandles.lookup(), "word", int.class);

    /**
     * How often a thread looks again before it lets others run; vain on a single processor. A virtual thread does so too: the
     * owner never parks, so it is running, while a yield would put this thread behind all others that are ready.
     */
    static final int SPINS = Runtime.getRuntime().availableProcessors() > 1 ? 64 : 0;

    /** How often a thread yields before it sleeps, so that a lock holder of lower priority gets to run. */
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

    /** Locks if nobody has locked. */
    final boolean tryLock() {
        return looksFree() && WORD.compareAndSet(this, 0, 1);
    }

    /** Unlocks without a call that could fail: where the stack has no room for the fence, the word is cleared all the same. */
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

    @SuppressWarnings("ThreadPriorityCheck") // the owner may be a thread that needs this processor to go on
    private void lockContended() {
        boolean interrupted = false;
        for (int attempt = 0; ; attempt++) {
            if (looksFree()) {
                if (interrupted) {
                    // Before the lock is taken, as a subclass of Thread may override it.
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
