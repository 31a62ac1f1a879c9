// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Checks that no thread of the library runs while nothing is held or awaited. Runs in a separate JVM. */
class IdleThreadsTests {

    @Test
    void noThreadRunsWhileNothingIsHeldOrAwaited() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path")
                                + File.pathSeparator
                                + System.getProperty("surefire.test.class.path", ""),
                        IdleApplication.class.getName())
                .redirectErrorStream(true)
                .start();
        try {
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(output)
                    .contains(
                            "before the first call: []",
                            "while a key is held and awaited: [keyedlock-scanner, keyedlock-timer]",
                            "idle: []",
                            "closed: []");
        } finally {
            process.destroyForcibly();
        }
    }
}
