// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jcstress;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Runs the tests of this package in a separate JVM. Its output is in {@code target/jcstress/output.txt}, its
 * report beside that.
 */
@Tag("stress")
class JcstressTests {

    private static final boolean LONG_RUN = "long".equals(System.getProperty("proofs.length"));

    /** A short run of each test, with small strides, since threads that park are slow. */
    private static final List<String> SHORT = List.of(
            "-jvmArgs",
            "-XX:+UseParallelGC -Xmx256m",
            "-sc",
            "false",
            "-af",
            "NONE",
            "-f",
            "1",
            "-fsm",
            "0",
            "-iters",
            "1",
            "-time",
            "500",
            "-strideSize",
            "64",
            "-strideCount",
            "4");

    private static final List<String> LONG = List.of("-m", "default", "-strideSize", "64", "-strideCount", "8");

    @Test
    void noForbiddenOutcomeOccurs() throws IOException, InterruptedException {
        Path directory = Path.of(System.getProperty("proofs.directory"), "jcstress");
        Files.createDirectories(directory);
        Path output = directory.resolve("output.txt");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "org.openjdk.jcstress.Main",
                "-t",
                System.getProperty("proofs.jcstress", "io.keyedlock"),
                "-r",
                directory.toString()));
        command.addAll(LONG_RUN ? LONG : SHORT);
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            boolean ended = process.waitFor(LONG_RUN ? 24 * 60 : 20, TimeUnit.MINUTES);
            String said = Files.readString(output);
            assertThat(ended)
                    .as("the JVM has ended; if not, an actor of the next test waits forever:\n%s", said)
                    .isTrue();
            int status = process.exitValue();
            assertThat(status)
                    .as("exit status of jcstress, which said:\n%s", said)
                    .isZero();
            assertThat(said)
                    .as("what jcstress said")
                    .containsPattern(
                            "Results: [1-9][0-9]* planned; [1-9][0-9]* passed, 0 failed, 0 soft errs, 0 hard errs");
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }
}
