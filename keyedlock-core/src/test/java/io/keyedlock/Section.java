// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.atomic.AtomicInteger;

/** Counts the threads in a critical section. */
final class Section {

    private final AtomicInteger inside = new AtomicInteger();

    private final AtomicInteger peak = new AtomicInteger();

    void enter() {
        int now = inside.incrementAndGet();
        peak.accumulateAndGet(now, Math::max);
    }

    void leave() {
        inside.decrementAndGet();
    }

    /** Returns the highest number of threads inside at once. */
    int peak() {
        return peak.get();
    }
}
