// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.locks.LockSupport;

/** Where the engine reads the time and parks; tests have their own, in which both happen as the test says. */
class Clock {

    static final Clock SYSTEM = new Clock();

    /** Elapsed time in nanoseconds from an arbitrary origin; never zero, which means "not stamped". */
    long nanoTime() {
        long now = System.nanoTime();
        return now == 0 ? 1 : now;
    }

    /** Parks the current thread until unparked, interrupted, or for no reason. */
    void park(Object blocker) {
        LockSupport.park(blocker);
    }

    /** As {@link #park}, for at most so many nanoseconds. */
    void parkNanos(Object blocker, long nanos) {
        LockSupport.parkNanos(blocker, nanos);
    }
}
