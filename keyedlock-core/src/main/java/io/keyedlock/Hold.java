// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One permit of one key while it is held, which is also the handle that its first acquisition got. Re-entries of the same
 * thread share the hold and have handles of their own.
 *
 * <p>All fields are guarded by the stripe of the entry.
 */
abstract sealed class Hold implements Permit, AcquireResult permits Entry, ExtraHold {

    /** Set in {@link #state} until this object itself has been closed as a permit. */
    private static final int FIRST_OPEN = 1 << 31;

    /** Set in {@link #state} once the hold has been reported as long. */
    private static final int REPORTED = 1 << 30;

    private static final int REENTRIES = REPORTED - 1;

    /** The thread that may re-enter, or null if no thread owns this hold. */
    @Nullable
    Thread owner;

    /** {@link #FIRST_OPEN}, {@link #REPORTED} and the number of open reentrant acquisitions. Over for good when none is open. */
    private int state;

    /** When the hold began as far as seen, or 0 if nobody has looked yet. */
    long since;

    /**
     * Begins a hold, or an object that is none.
     *
     * @param owner the thread that may reenter, or null
     * @param since when it began, or 0 if nobody wants to know
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
            throw new Error("a thread has re-entered one key " + REENTRIES + " times");
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

    /** Whether all there is, is this object as an open permit: no reentrant acquisition, no report. */
    final boolean isSimple() {
        return state == FIRST_OPEN;
    }

    /** Ends a hold that {@link #isSimple()}. */
    final void closeSimple() {
        state = 0;
        owner = null;
    }

    /** Marks the hold as reported; returns false if it was reported already. */
    final boolean report() {
        boolean fresh = (state & REPORTED) == 0;
        state |= REPORTED;
        return fresh;
    }

    final boolean isReported() {
        return (state & REPORTED) != 0;
    }

    /** How long the hold was seen, stamping it if nobody has looked before. */
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
