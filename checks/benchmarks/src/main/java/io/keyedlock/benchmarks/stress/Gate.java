// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.stress;

import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/** The state that the lock of one key guards, and its number of passes. */
final class Gate {

    private final int limit;

    /** Guarded by nothing but the lock, where that admits one at a time. */
    private long plain;

    private final AtomicInteger inside = new AtomicInteger();

    private final AtomicInteger peak = new AtomicInteger();

    private final LongAdder passed = new LongAdder();

    Gate(int limit) {
        this.limit = limit;
    }

    /** The section. With a limit of 1 it uses no atomics, which would hide writes that the lock fails to publish. */
    void pass(SplittableRandom random) {
        if (limit == 1) {
            long before = plain;
            dawdle(random);
            plain = before + 1;
        } else {
            int now = inside.incrementAndGet();
            peak.accumulateAndGet(now, Math::max);
            dawdle(random);
            inside.decrementAndGet();
            if (now > limit) {
                throw new AssertionError(now + " are inside, " + limit + " may be");
            }
        }
    }

    /** Counts a pass, once its permit is closed. */
    void count() {
        passed.increment();
    }

    @SuppressWarnings("ThreadPriorityCheck") // others are to come in between
    private static void dawdle(SplittableRandom random) {
        switch (random.nextInt(16)) {
            case 0 -> Thread.yield();
            case 1 -> {
                for (int i = 0; i < 200; i++) {
                    Thread.onSpinWait();
                }
            }
            default -> {}
        }
    }

    long passed() {
        return passed.sum();
    }

    int peak() {
        return limit == 1 ? Math.min(1, (int) passed()) : peak.get();
    }

    /** To be called once all have left. */
    void check(int key) {
        if (limit == 1 && plain != passed.sum()) {
            throw new AssertionError("key " + key + " was passed " + passed.sum() + " times, its counter is " + plain);
        }
        if (inside.get() != 0) {
            throw new AssertionError("key " + key + " has " + inside.get() + " inside although all have left");
        }
    }
}
