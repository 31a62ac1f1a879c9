// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Another JVM that runs a {@link Worker}. */
public final class WorkerProcess {

    private final Process process;
    private final BufferedReader out;
    private final BufferedWriter in;

    /**
     * Starts a process.
     *
     * @param main the class whose main method calls {@link Worker#run}
     * @param address the address of the server, as that method expects it
     */
    WorkerProcess(Class<?> main, String address, String locker, int limit, Duration lease, String... what)
            throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx96m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName(),
                address,
                locker,
                Integer.toString(limit),
                Long.toString(lease.toMillis())));
        command.addAll(List.of(what));
        process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        out = process.inputReader(StandardCharsets.UTF_8);
        in = process.outputWriter(StandardCharsets.UTF_8);
    }

    /** Returns its next message. All other output is its log. */
    public String says() throws IOException {
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            if (line.startsWith(Worker.SAYS)) {
                return line.substring(Worker.SAYS.length());
            }
        }
        throw new IOException("process " + process.pid() + " has ended and said nothing");
    }

    public void goOn() throws IOException {
        in.newLine();
        in.flush();
    }

    public void signal(String signal) throws IOException, InterruptedException {
        int exit = new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid()))
                .start()
                .waitFor();
        assertThat(exit).isZero();
    }

    public void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }
}
