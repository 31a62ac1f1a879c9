// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.soak;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;

/** What the keys of one locker guard, and how often each was passed. */
final class Section {

    private final String name;

    private final int limit;

    /** Guarded by nothing but the lock, where that admits one at a time. */
    private final long[] plain;

    private final LongAdder[] passed;

    private final AtomicInteger[] inside;

    Section(String name, int limit, int keys) {
        this.name = name;
        this.limit = limit;
        this.plain = new long[keys];
        this.passed = IntStream.range(0, keys).mapToObj(i -> new LongAdder()).toArray(LongAdder[]::new);
        this.inside =
                IntStream.range(0, keys).mapToObj(i -> new AtomicInteger()).toArray(AtomicInteger[]::new);
    }

    void pass(int key) {
        int now = inside[key].incrementAndGet();
        if (now > limit) {
            throw new AssertionError(now + " are inside " + name + " " + key + ", " + limit + " may be");
        }
        if (limit == 1) {
            plain[key]++;
        }
        passed[key].increment();
        inside[key].decrementAndGet();
    }

    /** To be called once all have left. */
    void check() {
        for (int key = 0; key < plain.length; key++) {
            if (limit == 1 && plain[key] != passed[key].sum()) {
                throw new AssertionError(
                        name + " " + key + " was passed " + passed[key].sum() + " times, its counter is " + plain[key]);
            }
            if (inside[key].get() != 0) {
                throw new AssertionError(name + " " + key + " has " + inside[key].get() + " inside, all have left");
            }
        }
    }

    long passes() {
        long sum = 0;
        for (LongAdder one : passed) {
            sum += one.sum();
        }
        return sum;
    }
}
