// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A JVM that makes one measurement, prints one marked line and ends. It is killed if it takes too long. */
public final class ForkedJvm {

    static final long LONGEST_SECONDS = 120;

    private ForkedJvm() {}

    /**
     * Runs a command and returns the text after the mark in its last marked line.
     *
     * @throws IOException if it has printed no such line
     */
    public static String run(List<String> command, String mark) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        Thread guard = new Thread(() -> endAfterTooLong(process), "guard of a fork");
        guard.setDaemon(true);
        guard.start();
        String found = null;
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                found = line.startsWith(mark) ? line.substring(mark.length()) : found;
            }
        } finally {
            process.destroy();
        }
        int exit = process.waitFor();
        if (found == null) {
            throw new IOException("it printed no result and ended with " + exit + ": " + String.join(" ", command));
        }
        return found;
    }

    private static void endAfterTooLong(Process process) {
        try {
            if (!process.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
        }
    }
}
