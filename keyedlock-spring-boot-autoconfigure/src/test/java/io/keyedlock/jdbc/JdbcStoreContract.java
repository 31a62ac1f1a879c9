// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.LeaseStore;
import io.keyedlock.lease.LeaseStoreContract;
import io.keyedlock.lease.Leases;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The rules of every store, and what one in a database has to keep besides. */
abstract class JdbcStoreContract extends LeaseStoreContract {

    private static final int PROCESSES = 4;
    private static final int KEYS = 25;
    private static final int TIMES = 4;

    abstract JdbcDatabase database();

    @Override
    protected LeaseStore create() {
        return database().store();
    }

    /** Rows are inserted and locked by several transactions at once, in batches of different keys. */
    @Test
    void processesThatUseTheSameNewKeysLoseNoUpdate() throws Exception {
        int[] sections = new int[KEYS];
        List<Leases> leases = new ArrayList<>();
        List<KeyedLocker<Object>> lockers = new ArrayList<>();
        for (int i = 0; i < PROCESSES; i++) {
            KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName("concurrent");
            Leases created = Leases.create(database().store(), "process " + i);
            leases.add(created);
            lockers.add(KeyedLocker.createOn(
                    created.backend(
                            settings,
                            LeaseSettings.defaults()
                                    .withBackendTimeout(Duration.ofMinutes(1))
                                    .withHandoffWindow(Duration.ZERO)),
                    settings));
        }
        ExecutorService threads = Executors.newCachedThreadPool();
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int time = 0; time < TIMES; time++) {
            for (int i = 0; i < KEYS; i++) {
                int key = i;
                for (KeyedLocker<Object> locker : lockers) {
                    all.add(locker.acquireAsync(key, Duration.ofMinutes(1))
                            .thenAcceptAsync(
                                    permit -> {
                                        try (Permit held = permit) {
                                            int before = sections[key];
                                            Thread.onSpinWait();
                                            sections[key] = before + (held.isValid() ? 1 : 0);
                                        }
                                    },
                                    threads));
                }
            }
        }
        for (CompletableFuture<Void> section : all) {
            section.get(60, TimeUnit.SECONDS);
        }
        threads.shutdown();
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
        assertThat(sections).containsOnly(PROCESSES * TIMES);
        JdbcDatabase.until(() -> database().leasesAndQueues().stream().noneMatch(state -> state.contains("process ")));
    }

    /** Of a pool of which no other can be derived. */
    @Test
    void connectionsOfTheApplicationAreReturnedAsTheyWere() throws Exception {
        try (FragileDatabase pool = new FragileDatabase(database(), true)) {
            String before;
            try (Connection connection = pool.getConnection()) {
                before = settings(connection);
            }
            KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName("restored");
            try (Leases leases = Leases.create(JdbcDatabase.store(pool), "test");
                    KeyedLocker<Object> locker =
                            KeyedLocker.createOn(leases.backend(settings, LeaseSettings.defaults()), settings);
                    Leases others = Leases.create(database().store(), "another");
                    KeyedLocker<Object> other =
                            KeyedLocker.createOn(others.backend(settings, LeaseSettings.defaults()), settings)) {
                CompletableFuture<Permit> waits;
                try (Permit held = other.acquire("k", Duration.ofMinutes(1))) {
                    assertThat(held.isValid()).isTrue();
                    waits = locker.acquireAsync("k", Duration.ofMinutes(1));
                    // One for calls, and one to find the turn.
                    JdbcDatabase.until(() -> pool.inUse() == 2);
                }
                waits.get(60, TimeUnit.SECONDS).close();
            }
            JdbcDatabase.until(() -> pool.inUse() == 0);
            assertThat(pool.returned()).hasSizeGreaterThanOrEqualTo(2);
            for (Connection connection : pool.returned()) {
                assertThat(settings(connection)).isEqualTo(before);
            }
        }
    }

    private static String settings(Connection connection) throws SQLException {
        JdbcPlatform platform = JdbcPlatform.of(connection);
        String all = connection.getAutoCommit() + " " + connection.getTransactionIsolation() + " "
                + connection.getNetworkTimeout() + " " + platform.readSettings(connection);
        if (platform == JdbcPlatform.POSTGRESQL) {
            try (ResultSet channels =
                    connection.createStatement().executeQuery("SELECT COUNT(*) FROM pg_listening_channels()")) {
                channels.next();
                all += " channels: " + channels.getInt(1);
            }
        }
        connection.rollback();
        return all;
    }
}
