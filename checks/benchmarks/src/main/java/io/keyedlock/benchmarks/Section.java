// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.lang.invoke.VarHandle;
import org.openjdk.jmh.infra.Blackhole;

/** Finds out how much work fills a section of a given length on this machine. */
final class Section {

    private static final long UNITS = 60;

    private static final int CALLS = 1_000;

    private static final int TRIES = 3_000;

    private Section() {}

    /** Returns the units of {@link Blackhole#consumeCPU} that take this long, the best of many tries, as noise only adds. */
    static long tokens(double nanos) {
        double per = (best(UNITS) - best(0)) / CALLS / UNITS;
        return Math.max(1, Math.round(nanos / per));
    }

    private static double best(long units) {
        long best = Long.MAX_VALUE;
        for (int i = 0; i < TRIES; i++) {
            long start = System.nanoTime();
            for (int j = 0; j < CALLS; j++) {
                // As between two lock operations: one section does not overlap with the next.
                VarHandle.fullFence();
                Blackhole.consumeCPU(units);
            }
            best = Math.min(best, System.nanoTime() - start);
        }
        return best;
    }
}
