// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.servers;

import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.Optional;
import java.util.Properties;

/**
 * What is written down about a server that runs.
 *
 * @param pid its process
 * @param started when that process began, which tells it from a later one of the same number
 * @param address where clients reach it
 */
record ServerState(long pid, String started, String address) {

    static ServerState ofThisProcess(String address) {
        ProcessHandle process = ProcessHandle.current();
        return new ServerState(process.pid(), startOf(process), address);
    }

    /** The server's process, or empty if it has ended. */
    Optional<ProcessHandle> process() {
        return ProcessHandle.of(pid)
                .filter(ProcessHandle::isAlive)
                .filter(process -> startOf(process).equals(started));
    }

    /** Writes in one step, so that nobody reads half of it. */
    void write(Path file) throws IOException {
        Properties properties = new Properties();
        properties.setProperty("pid", Long.toString(pid));
        properties.setProperty("started", started);
        properties.setProperty("address", address);
        Path whole = file.resolveSibling(file.getFileName() + ".tmp");
        try (Writer out = Files.newBufferedWriter(whole)) {
            properties.store(out, null);
        }
        Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** The state of a server that lives, or empty. */
    static Optional<ServerState> read(Path file) throws IOException {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        Properties properties = new Properties();
        try (Reader in = Files.newBufferedReader(file)) {
            properties.load(in);
        }
        ServerState state = new ServerState(
                Long.parseLong(properties.getProperty("pid", "-1")),
                properties.getProperty("started", ""),
                properties.getProperty("address", ""));
        return state.process().map(alive -> state);
    }

    private static String startOf(ProcessHandle process) {
        return process.info().startInstant().map(Instant::toString).orElse("");
    }
}
