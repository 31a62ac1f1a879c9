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
 * The stored state of a running server.
 *
 * @param pid the id of its process
 * @param started the start time of that process, which distinguishes it from a later one with the same id
 * @param address the address for clients
 */
record ServerState(long pid, String started, String address) {

    static ServerState ofThisProcess(String address) {
        ProcessHandle process = ProcessHandle.current();
        return new ServerState(process.pid(), startOf(process), address);
    }

    /** Returns the server's process, or empty if it has ended. */
    Optional<ProcessHandle> process() {
        return ProcessHandle.of(pid)
                .filter(ProcessHandle::isAlive)
                .filter(process -> startOf(process).equals(started));
    }

    /** Writes the file atomically, so that no reader sees a part of it. */
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

    /** Returns the state of a running server, or empty. */
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
