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

/** A bundled PostgreSQL server, which is unpacked and started. Keeps its data across restarts. */
public final class PostgresServer implements EmbeddedServer {

    private @Nullable EmbeddedPostgres server;

    /** Creates a server without starting it. */
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

    /** Stops database processes left behind after SIGKILL of this process, because they still use the data directory. */
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
