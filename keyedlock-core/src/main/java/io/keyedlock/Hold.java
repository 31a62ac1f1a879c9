// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One permit of one key while it is held. It is also the handle of its first acquisition. Reentrant acquisitions of the same
 * thread share the hold and have handles of their own.
 *
 * <p>Guarded by the stripe's lock.
 */
abstract sealed class Hold implements Permit, AcquireResult permits Entry, ExtraHold {

    /** Set in {@link #state} until this object itself has been closed as a permit. */
    private static final int FIRST_OPEN = 1 << 31;

    /** Set in {@link #state} once the hold was reported as long. */
    private static final int REPORTED = 1 << 30;

    private static final int REENTRIES = REPORTED - 1;

    /** The thread that may reenter, or null if no thread owns this hold. */
    @Nullable
    Thread owner;

    /**
     * {@link #FIRST_OPEN}, {@link #REPORTED} and the number of open reentrant acquisitions. The hold ends when none is open.
     */
    private int state;

    /** When the hold began, or was first inspected; 0 before that. */
    long since;

    /**
     * Creates a hold.
     *
     * @param owner the thread that may reenter, or null
     * @param held whether it is held; an entry may not be
     * @param since when it began, or 0 if no listener times holds
     */
    Hold(@Nullable Thread owner, boolean held, long since) {
        this.owner = owner;
        this.state = held ? FIRST_OPEN : 0;
        this.since = since;
    }

    abstract Entry entry();

    final boolean isHeld() {
        return (state & ~REPORTED) != 0;
    }

    final void addReentry() {
        if ((state & REENTRIES) == REENTRIES) {
            throw new Error("A thread has acquired one key " + REENTRIES + " times without releasing it");
        }
        state++;
    }

    final void removeReentry() {
        state--;
    }

    /** Closes this object as a permit; returns false if it was closed already. */
    final boolean closeFirst() {
        boolean open = (state & FIRST_OPEN) != 0;
        state &= ~FIRST_OPEN;
        return open;
    }

    /** Returns whether this object is the only open handle of an unreported hold. */
    final boolean isSimple() {
        return state == FIRST_OPEN;
    }

    /** Ends a hold that is {@linkplain #isSimple() simple}. */
    final void closeSimple() {
        state = 0;
        owner = null;
    }

    /** Marks the hold as reported; returns false if it was reported already. */
    final boolean markReported() {
        boolean fresh = (state & REPORTED) == 0;
        state |= REPORTED;
        return fresh;
    }

    final boolean isReported() {
        return (state & REPORTED) != 0;
    }

    /** Returns the time since the hold began, or since it was first inspected, which may be now. */
    final long age(long now) {
        if (since == 0) {
            since = now;
        }
        return now - since;
    }

    static KeySnapshot.Caller describe(@Nullable Thread thread, long ageNanos) {
        Duration age = Duration.ofNanos(Math.max(0, ageNanos));
        return thread == null
                ? new KeySnapshot.Caller("async", -1, false, age)
                : new KeySnapshot.Caller(thread.getName(), Threads.idOf(thread), Threads.isVirtual(thread), age);
    }

    @Override
    public final String toString() {
        return "Permit[" + Messages.describe(entry()) + "]";
    }
}
