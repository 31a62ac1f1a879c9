// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.postgres;

import io.keyedlock.demo.servers.EmbeddedServer;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A PostgreSQL that is unpacked and started, and keeps its data from one start to the next. */
public final class PostgresServer implements EmbeddedServer {

    private @Nullable EmbeddedPostgres server;

    /** Makes a server that is not started yet. */
    public PostgresServer() {}

    @Override
    public String start(Path directory) throws IOException {
        Path data = directory.resolve("data");
        stopOrphan(data);
        server = EmbeddedPostgres.builder()
                .setOverrideWorkingDirectory(directory.resolve("binaries").toFile())
                .setDataDirectory(data)
                .setCleanDataDirectory(false)
                .setRegisterShutdownHook(false)
                .setServerConfig("max_connections", "200")
                .setPGStartupWait(Duration.ofMinutes(2))
                .start();
        return server.getJdbcUrl("postgres", "postgres");
    }

    @Override
    public void stop() throws IOException {
        if (server != null) {
            server.close();
        }
    }

    /** Whoever kills this process with SIGKILL leaves the database's processes behind, which hold the data. */
    private static void stopOrphan(Path data) throws IOException {
        Path pidFile = data.resolve("postmaster.pid");
        if (!Files.exists(pidFile)) {
            return;
        }
        Optional<ProcessHandle> orphan = ProcessHandle.of(
                        Long.parseLong(Files.readAllLines(pidFile).get(0).strip()))
                .filter(process -> process.info().command().orElse("").contains("postgres"));
        orphan.ifPresent(process -> {
            process.destroy();
            process.onExit()
                    .completeOnTimeout(process, 10, TimeUnit.SECONDS)
                    .thenAccept(ProcessHandle::destroyForcibly)
                    .join();
        });
    }
}
