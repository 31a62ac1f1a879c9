// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.stress;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The stress program, for two seconds in each build and at length where asked for. */
class StressTests {

    private static void run(long seconds) throws Exception {
        Stress.run(seconds, System.nanoTime(), new PrintStream(System.out, true, StandardCharsets.UTF_8));
    }

    @Test
    @DisplayName("two seconds of random use find no fault")
    void twoSecondsFindNoFault() throws Exception {
        run(2);
    }

    @Test
    @Tag("stress")
    @DisplayName("the time that the profile gives finds no fault")
    void atLength() throws Exception {
        run(Long.getLong("stress.seconds", 600));
    }
}
