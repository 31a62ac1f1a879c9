// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Driver;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import javax.sql.DataSource;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.SimpleDriverDataSource;
import org.springframework.util.FileSystemUtils;

/** A database for tests, with pools of connections as applications have them. */
public final class JdbcDatabase implements AutoCloseable {

    private final String url;
    private final String user;

    /** Where PostgreSQL has its data, if it is that. */
    private final @Nullable Path directory;

    private @Nullable EmbeddedPostgres server;
    private final List<HikariDataSource> pools = new ArrayList<>();
    private final JdbcTemplate template;

    private JdbcDatabase(String url, String user, @Nullable Path directory, @Nullable EmbeddedPostgres server) {
        this.url = url;
        this.user = user;
        this.directory = directory;
        this.server = server;
        this.template = new JdbcTemplate(pool(2));
    }

    /** Creates an empty H2 database in memory. */
    public static JdbcDatabase h2() {
        return new JdbcDatabase("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1", "sa", null, null);
    }

    /** Uses a database that is running. */
    public static JdbcDatabase at(String url, String user) {
        return new JdbcDatabase(url, user, null, null);
    }

    /** Starts a PostgreSQL server. */
    public static JdbcDatabase postgres() {
        try {
            Path directory = Files.createTempDirectory("keyedlock-postgres");
            EmbeddedPostgres server = start(directory, 0);
            return new JdbcDatabase(server.getJdbcUrl("postgres", "postgres"), "postgres", directory, server);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static EmbeddedPostgres start(Path directory, int port) throws IOException {
        EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
                .setDataDirectory(directory)
                .setCleanDataDirectory(false)
                .setServerConfig("max_connections", "200");
        return (port == 0 ? builder : builder.setPort(port)).start();
    }

    /** Stops the server, does something, and starts it again with its data. */
    void whileDown(Runnable task) throws IOException {
        int port = server.getPort();
        server.close();
        task.run();
        server = start(directory, port);
    }

    public String url() {
        return url;
    }

    public String user() {
        return user;
    }

    /** Creates a pool of connections, as one process has it. */
    public HikariDataSource pool(int size) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setUsername(user);
        config.setPassword("");
        config.setMaximumPoolSize(size);
        config.setMinimumIdle(0);
        config.setInitializationFailTimeout(-1);
        HikariDataSource pool = new HikariDataSource(config);
        pools.add(pool);
        return pool;
    }

    /** Creates a store that creates its table if need be. */
    public JdbcLeaseStore store() {
        return store(new SimpleDriverDataSource(driver(), url, user, ""));
    }

    private Driver driver() {
        try {
            return DriverManager.getDriver(url);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Creates a store for the application that has these connections. */
    static JdbcLeaseStore store(DataSource source) {
        return new JdbcLeaseStore(
                source, JdbcStoreSettings.defaults().withInitializeSchema(JdbcStoreSettings.InitializeSchema.ALWAYS));
    }

    public JdbcTemplate template() {
        return template;
    }

    /** Returns the states of all keys that are held or awaited. */
    List<String> leasesAndQueues() {
        return template.queryForList(
                "SELECT STATE FROM KEYEDLOCK_KEY WHERE STATE LIKE '%lease %' OR STATE LIKE '%waits %'", String.class);
    }

    /** Waits until a condition is true. */
    public static void until(BooleanSupplier condition) {
        Awaitility.await()
                .pollInterval(Duration.ofMillis(5))
                .pollDelay(Duration.ZERO)
                .atMost(Duration.ofSeconds(60))
                .until(condition::getAsBoolean);
    }

    @Override
    public void close() {
        pools.forEach(HikariDataSource::close);
        if (server != null) {
            try {
                server.close();
                FileSystemUtils.deleteRecursively(directory);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
