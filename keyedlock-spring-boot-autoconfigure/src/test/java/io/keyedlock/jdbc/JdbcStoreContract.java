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
}
