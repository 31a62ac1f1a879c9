// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.jdbc.JdbcStoreSettings.InitializeSchema;
import io.keyedlock.lease.LeaseBackend;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.net.ServerSocket;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/** Connections that fail or grow old are replaced, and no caller notices. */
class JdbcConnectionsTests {

    private static final KeyedLockerSettings SETTINGS =
            KeyedLockerSettings.defaults().withName("connections");

    private static final Duration MINUTE = Duration.ofMinutes(1);

    private static final JdbcStoreSettings CREATES =
            JdbcStoreSettings.defaults().withInitializeSchema(InitializeSchema.ALWAYS);

    private final JdbcDatabase database = JdbcDatabase.h2();
    private final FragileDatabase unknown = new FragileDatabase(database, true);
    private final AtomicLong clock = new AtomicLong();
    private Leases leases;
    private KeyedLocker<Object> locker;

    private void open(DataSource source) {
        leases = Leases.create(
                new JdbcLeaseStore(
                        source, JdbcStoreSettings.defaults().withInitializeSchema(InitializeSchema.ALWAYS), clock::get),
                "test");
        locker = KeyedLocker.createOn(
                leases.backend(SETTINGS, LeaseSettings.defaults().withBackendTimeout(MINUTE)), SETTINGS);
    }

    @AfterEach
    void close() throws SQLException {
        if (locker != null) {
            locker.close();
            leases.close();
        }
        unknown.close();
        database.close();
    }

    @ParameterizedTest
    @CsvSource({
        "false, 25006, 0", "false, 25006, 1792", "false, HY000, 1290", "false, HY000, 1836", "false, 70100, 1927",
        "true, 25006, 0", "true, 25006, 1792", "true, HY000, 1290", "true, HY000, 1836", "true, 70100, 1927"
    })
    void noPoolHandsOutAConnectionAgainWhoseServerIsReadOnlyOrGone(boolean isHikari, String state, int code)
            throws Exception {
        FragileDatabase fragile = isHikari ? new FragileDatabase(database, false) : unknown;
        HikariDataSource pool = new HikariDataSource();
        pool.setDataSource(fragile);
        open(isHikari ? pool : fragile);
        locker.acquire("k", MINUTE).close();
        JdbcDatabase.until(() -> database.leasesAndQueues().isEmpty());
        fragile.breakConnections(() -> new SQLException("broken", state, code));
        locker.acquire("k", MINUTE).close();
        pool.close();
        assertThat(unknown.returned()).isEmpty();
    }

    /** Of a database that could not be reached at startup. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void missingTableIsReportedWithItsScript(boolean showKeys) {
        KeyedLockerSettings settings = SETTINGS.withShowKeys(showKeys);
        try (Leases others = Leases.create(
                new JdbcLeaseStore(
                        database.pool(1), JdbcStoreSettings.defaults().withInitializeSchema(InitializeSchema.NEVER)),
                "test")) {
            LeaseBackend backend =
                    others.backend(settings, LeaseSettings.defaults().withBackendTimeout(MINUTE));
            assertThatThrownBy(backend::connect)
                    .isInstanceOf(LockBackendException.class)
                    .hasMessageContaining("classpath:io/keyedlock/jdbc/schema-h2.sql");
        }
    }

    @Test
    void currentCredentialsOfAPoolAreUsed() throws Exception {
        database.template().execute("SELECT 1");
        HikariDataSource pool = database.pool(1);
        pool.setPassword("outdated");
        open(pool);
        pool.setPassword("");
        locker.acquire("k", MINUTE).close();
    }

    @Test
    void currentCredentialsOfAnotherKindOfSourceAreUsed() throws Exception {
        database.template().execute("SELECT 1");
        DriverManagerDataSource source = new DriverManagerDataSource(database.url(), database.user(), "outdated");
        open(source);
        source.setPassword("");
        locker.acquire("k", MINUTE).close();
    }

    /** A server to which packets get lost looks like one that accepts a connection and never answers. */
    @ParameterizedTest
    @ValueSource(strings = {"postgresql", "mariadb"})
    void connectionsOutsideAPoolAreGivenUpSoon(String kind) throws Exception {
        try (ServerSocket silent = new ServerSocket(0)) {
            String url = "jdbc:" + kind + "://localhost:" + silent.getLocalPort() + "/test";
            try (JdbcConnections connections = new JdbcConnections(
                    new DriverManagerDataSource(url, "a", "b"), CREATES, JdbcWorkers.THREADS, clock::get)) {
                CompletableFuture<Void> opened = CompletableFuture.runAsync(() -> {
                    try {
                        connections.open().close();
                    } catch (SQLException e) {
                        throw new IllegalStateException(e);
                    }
                });
                assertThat(opened)
                        .failsWithin(Duration.ofSeconds(20))
                        .withThrowableOfType(ExecutionException.class)
                        .havingCause()
                        .isInstanceOf(IllegalStateException.class)
                        .withStackTraceContaining("SQL");
            }
        }
    }

    @Test
    void derivedPoolLeavesTheLoginTimeoutOfTheJvm() throws Exception {
        int before = DriverManager.getLoginTimeout();
        try {
            DataSource pool = database.pool(1);
            DriverManager.setLoginTimeout(17);
            open(pool);
            locker.acquire("k", MINUTE).close();
            assertThat(DriverManager.getLoginTimeout()).isEqualTo(17);
        } finally {
            DriverManager.setLoginTimeout(before);
        }
    }

    /** The failure of the first statement would not tell that the connection is gone. */
    @Test
    void aConnectionThatWasNotUsedForSomeTimeIsTestedBefore() throws Exception {
        open(unknown);
        locker.acquire("k", MINUTE).close();
        JdbcDatabase.until(() -> database.leasesAndQueues().isEmpty());
        unknown.breakConnections(() -> new SQLException("timed out", "HY000"));
        clock.addAndGet(TimeUnit.SECONDS.toNanos(10));
        locker.acquire("k", MINUTE).close();
    }

    @Test
    void aConnectionThatIsNotNeededAnyMoreIsReturned() throws Exception {
        try (JdbcConnections connections = new JdbcConnections(unknown, CREATES, JdbcWorkers.THREADS, clock::get);
                JdbcWorkers workers = new JdbcWorkers(connections, clock::get)) {
            Phaser together = new Phaser(2);
            JdbcWorkers.Work<Integer> atOnce = (connection, table) -> together.arriveAndAwaitAdvance();
            CompletableFuture<Integer> first = workers.run(atOnce);
            workers.run(atOnce).get(60, TimeUnit.SECONDS);
            first.get(60, TimeUnit.SECONDS);
            JdbcDatabase.until(() -> workers.idle() == 2);
            for (int i = 0; i < 2; i++) {
                clock.addAndGet(TimeUnit.SECONDS.toNanos(50));
                workers.run((connection, table) -> 0).get(60, TimeUnit.SECONDS);
            }
            JdbcDatabase.until(() -> workers.idle() == 1);
            assertThat(unknown.inUse()).isEqualTo(1);
            assertThat(unknown.returned()).hasSize(1);
        }
    }
}
