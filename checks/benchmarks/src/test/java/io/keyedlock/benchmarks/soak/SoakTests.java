// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.soak;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The soak, for half an hour or as long as the profile sets, and the detection of a leak. */
class SoakTests {

    @Test
    @Tag("stress")
    @DisplayName("mixed load neither grows heap or threads nor leaves keys active")
    void leavesNothingBehind() throws Exception {
        Soak.run(
                Long.getLong("soak.seconds", 1_800),
                System.nanoTime(),
                null,
                new PrintStream(System.out, true, StandardCharsets.UTF_8));
    }

    @Test
    @DisplayName("a slow rise in noise is a trend, noise alone is not")
    void aRiseInNoiseIsATrend() {
        double[] noise =
                IntStream.range(0, 80).mapToDouble(i -> 1e6 * Math.sin(i * i)).toArray();
        double[] rising =
                IntStream.range(0, 80).mapToDouble(i -> noise[i] + 30_000.0 * i).toArray();
        assertTrue(Math.abs(Trend.of(noise).z()) < 3, () -> "noise: " + Trend.of(noise));
        assertTrue(Trend.of(rising).z() > 3, () -> "rising: " + Trend.of(rising));
        assertEquals(30_000, Trend.of(rising).slope(), 10_000);
    }
}
