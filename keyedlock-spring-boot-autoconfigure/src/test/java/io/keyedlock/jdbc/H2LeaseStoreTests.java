// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The store keeps the rules of a store on H2. */
class H2LeaseStoreTests extends JdbcStoreContract {

    private static JdbcDatabase database;

    @BeforeAll
    static void start() {
        database = JdbcDatabase.h2();
    }

    @AfterAll
    static void stop() {
        database.close();
    }

    @Override
    JdbcDatabase database() {
        return database;
    }

    /** A waiter looks for its turn after a pause, and its offer lasts for longer. */
    @Test
    void noNewcomerPassesAWaiterBetweenTwoLooks() throws Exception {
        Duration minute = Duration.ofMinutes(1);
        Duration second = Duration.ofSeconds(1);
        JdbcStoreSettings polling = new JdbcStoreSettings(
                JdbcStoreSettings.InitializeSchema.ALWAYS, null, "KEYEDLOCK_", Duration.ofDays(1), second, second);
        KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName("offers");
        LeaseSettings patient = LeaseSettings.defaults().withBackendTimeout(minute);
        try (Leases one = Leases.create(database.store(), "one");
                Leases two = Leases.create(new JdbcLeaseStore(database.pool(1), polling), "two");
                KeyedLocker<Object> newcomer = KeyedLocker.createOn(one.backend(settings, patient), settings);
                KeyedLocker<Object> waiter = KeyedLocker.createOn(two.backend(settings, patient), settings)) {
            // From the first wait on there is a thread that looks.
            try (Permit held = newcomer.acquire("first", minute)) {
                assertThat(held.isValid()).isTrue();
                waits(waiter, "first").thenAccept(Permit::close);
            }
            JdbcDatabase.until(() -> waiter.activeKeyCount() == 0);
            CompletableFuture<Permit> waits;
            try (Permit held = newcomer.acquire("k", minute)) {
                assertThat(held.isValid()).isTrue();
                waits = waits(waiter, "k");
            }
            long releasedAt = System.nanoTime();
            while (!waits.isDone() && System.nanoTime() - releasedAt < TimeUnit.MILLISECONDS.toNanos(900)) {
                assertThat(newcomer.tryAcquire("k")).isEmpty();
            }
            waits.get(60, TimeUnit.SECONDS).close();
        }
    }

    private static CompletableFuture<Permit> waits(KeyedLocker<Object> locker, String key) {
        CompletableFuture<Permit> waits = locker.acquireAsync(key, Duration.ofMinutes(1));
        JdbcDatabase.until(() -> database.leasesAndQueues().stream().anyMatch(state -> state.contains("waits ")));
        return waits;
    }
}
