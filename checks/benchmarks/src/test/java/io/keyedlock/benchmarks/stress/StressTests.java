// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.stress;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The stress program, for two seconds in each build and longer on demand. */
class StressTests {

    private static void run(long seconds) throws Exception {
        Stress.run(seconds, System.nanoTime(), new PrintStream(System.out, true, StandardCharsets.UTF_8));
    }

    @Test
    @DisplayName("two seconds of random use are without failures")
    void twoSecondsFindNoFault() throws Exception {
        run(2);
    }

    @Test
    @Tag("stress")
    @DisplayName("random use for the time of the profile is without failures")
    void atLength() throws Exception {
        run(Long.getLong("stress.seconds", 600));
    }
}
