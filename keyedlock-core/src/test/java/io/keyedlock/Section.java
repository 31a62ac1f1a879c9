// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.concurrent.atomic.AtomicInteger;

/** Counts who is inside. */
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

    /** The most who were inside at once. */
    int peak() {
        return peak.get();
    }
}
