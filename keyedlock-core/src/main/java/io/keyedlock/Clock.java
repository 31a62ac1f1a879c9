// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.locks.LockSupport;

/** The clock by which the engine reads the time and parks. Tests replace it to control both. */
class Clock {

    static final Clock SYSTEM = new Clock();

    /** Returns nanoseconds since an arbitrary origin; never zero, which means "not recorded". */
    long nanoTime() {
        long now = System.nanoTime();
        return now == 0 ? 1 : now;
    }

    /** Parks the current thread until it is unparked or interrupted, or spuriously returns. */
    void park(Object blocker) {
        LockSupport.park(blocker);
    }

    /** As {@link #park}, for at most the given nanoseconds. */
    void parkNanos(Object blocker, long nanos) {
        LockSupport.parkNanos(blocker, nanos);
    }
}
