// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.lease.LeaseStore;
import io.keyedlock.lease.LeaseStore.Claim;
import io.keyedlock.lease.LeaseStore.Requester;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** How often turns are looked for. */
class JdbcTurnsTests {

    private static final Duration PAUSE = Duration.ofMillis(200);

    private static Claim claim(String requester, int number) {
        Duration minute = Duration.ofMinutes(1);
        return new Claim(
                new Requester(requester, requester, "test", "orders", 1, minute, minute, minute), number, "k", true);
    }

    /** Its turn is found by each look. */
    private static Claim waiterWithATurn(LeaseStore store) {
        Claim holder = claim("holder", 1);
        Claim waiter = claim("waiter", 1);
        store.acquire(holder).toCompletableFuture().join();
        store.acquire(waiter).toCompletableFuture().join();
        store.release(holder).toCompletableFuture().join();
        return waiter;
    }

    @Test
    void claimsThatAreAddedCauseNoLooksInBetween() {
        JdbcStoreSettings settings = new JdbcStoreSettings(
                JdbcStoreSettings.InitializeSchema.ALWAYS, null, "KEYEDLOCK_", Duration.ofDays(1), PAUSE, PAUSE);
        AtomicInteger looks = new AtomicInteger();
        LeaseStore.TurnListener listener = new LeaseStore.TurnListener() {
            @Override
            public void turn(String claimId) {
                looks.incrementAndGet();
            }

            @Override
            public void listening() {}
        };
        try (JdbcDatabase database = JdbcDatabase.h2();
                LeaseStore store = database.store();
                JdbcConnections connections = new JdbcConnections(database.pool(1), settings, 1, System::nanoTime);
                JdbcTurns turns = new JdbcTurns(connections, settings, "process", listener)) {
            turns.waits(waiterWithATurn(store));
            JdbcDatabase.until(() -> looks.get() >= 1);
            long start = System.nanoTime();
            for (int number = 1; looks.get() < 5; number++) {
                Claim another = claim("another", number);
                turns.waits(another);
                turns.waitsNoLonger(another);
                Thread.onSpinWait();
            }
            // The first of them may have been late.
            assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(TimeUnit.MILLISECONDS.toNanos(3 * 200));
        }
    }
}
