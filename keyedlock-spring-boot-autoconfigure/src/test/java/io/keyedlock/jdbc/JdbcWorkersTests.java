// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.lease.LeaseStore.Claim;
import io.keyedlock.lease.LeaseStore.Grant;
import io.keyedlock.lease.LeaseStore.Outcome;
import io.keyedlock.lease.LeaseStore.Requester;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Calls about different keys that are made together. */
class JdbcWorkersTests {

    private static final int CALLS = 5;
    private static final int OTHERS = 40;

    private static CompletableFuture<Grant> acquire(JdbcLeaseStore store, String key, int number) {
        Duration minute = Duration.ofMinutes(1);
        Requester requester = new Requester("p", "r-" + key, "test", "orders", 1, minute, minute, minute);
        return store.acquire(new Claim(requester, number, key, false)).toCompletableFuture();
    }

    @Test
    void aRowThatStaysLockedDelaysOtherKeysOnce() throws Exception {
        try (JdbcDatabase database = JdbcDatabase.h2();
                JdbcLeaseStore store = database.store()) {
            acquire(store, "stuck", 0).get(60, TimeUnit.SECONDS);
            try (Connection another = database.pool(1).getConnection()) {
                another.setAutoCommit(false);
                another.createStatement()
                        .executeQuery("SELECT * FROM KEYEDLOCK_KEY WHERE KEY_NAME = 'stuck' FOR UPDATE")
                        .close();
                List<CompletableFuture<Grant>> stuck = new ArrayList<>();
                List<CompletableFuture<Grant>> others = new ArrayList<>();
                AtomicInteger failures = new AtomicInteger();
                for (int i = 1; i <= CALLS; i++) {
                    stuck.add(acquireWithRetries(store, "stuck", i, failures));
                    others.add(acquire(store, "first" + i, 1));
                }
                for (CompletableFuture<Grant> other : others) {
                    assertThat(other.get(60, TimeUnit.SECONDS).outcome()).isEqualTo(Outcome.GRANTED);
                }
                for (int i = 0; i < OTHERS; i++) {
                    acquire(store, "second" + i, 1).get(60, TimeUnit.SECONDS);
                }
                // If each of the other keys had waited for the locked row, that many calls about the row would have
                // failed.
                assertThat(failures).hasValueLessThan(OTHERS);
                assertThat(stuck).noneMatch(CompletableFuture::isDone);
                another.rollback();
                for (CompletableFuture<Grant> each : stuck) {
                    assertThat(each.get(60, TimeUnit.SECONDS).outcome()).isEqualTo(Outcome.TAKEN);
                }
            }
        }
    }

    private static CompletableFuture<Grant> acquireWithRetries(
            JdbcLeaseStore store, String key, int number, AtomicInteger failures) {
        return acquire(store, key, number)
                .exceptionallyComposeAsync(
                        failure -> {
                            failures.incrementAndGet();
                            return acquireWithRetries(store, key, number + CALLS, failures);
                        },
                        CompletableFuture.delayedExecutor(20, TimeUnit.MILLISECONDS));
    }
}
