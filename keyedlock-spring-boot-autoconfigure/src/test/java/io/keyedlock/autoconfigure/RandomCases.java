// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.util.Random;

/**
 * Runs a check on thousands of random cases. A seed, fixed by default, determines them; a failing case reports
 * how to repeat it alone. {@code -Dcases.seed=…} selects other cases, {@code -Dcases.count=…} their number.
 */
final class RandomCases {

    private static final long SEED = 20_240;

    private RandomCases() {}

    /** A check of one case. */
    interface Check {
        void on(Random random) throws Throwable;
    }

    static void check(int usually, Check check) {
        long first = Long.getLong("cases.seed", SEED);
        int count = Integer.getInteger("cases.count", usually);
        for (long seed = first; seed < first + count; seed++) {
            try {
                check.on(new Random(seed));
            } catch (Throwable e) {
                throw new AssertionError("repeat this case with -Dcases.seed=" + seed + " -Dcases.count=1: " + e, e);
            }
        }
    }
}
