// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

/** Leases and fencing tokens when a server is killed or replaced by a lagging one. */
@DisabledOnOs(OS.WINDOWS)
class RedisCrashTests {

    private static final KeyedLockerSettings SETTINGS =
            KeyedLockerSettings.defaults().withName("crash").withWaitTime(Duration.ofMinutes(1));

    /** Outlives a restart. A lease that a snapshot brings back after its release blocks its key for as long. */
    private static final LeaseSettings LEASE =
            LeaseSettings.defaults().withLeaseTime(Duration.ofSeconds(24)).withBackendTimeout(Duration.ofSeconds(4));

    private final List<AutoCloseable> opened = new ArrayList<>();
    private final List<String> lost = new CopyOnWriteArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (int i = opened.size() - 1; i >= 0; i--) {
            opened.get(i).close();
        }
    }

    private <T extends AutoCloseable> T closed(T resource) {
        opened.add(resource);
        return resource;
    }

    private RedisProcess server(String... settings) {
        return closed(new RedisProcess(settings));
    }

    private KeyedLocker<Object> locker(LettuceConnectionFactory connections) {
        Leases leases = closed(Leases.create(new RedisLeaseStore(connections, RedisLeaseStore.DEFAULT_PREFIX), "test"));
        KeyedLocker<Object> locker = closed(KeyedLocker.createOn(leases.backend(SETTINGS, LEASE), SETTINGS));
        locker.addListener(new KeyedLockerListener() {
            @Override
            public void leaseLost(Object key) {
                lost.add(String.valueOf(key));
            }
        });
        RedisProcess.until(() -> works(locker));
        return locker;
    }

    private static boolean works(KeyedLocker<Object> locker) {
        try {
            locker.acquireAsync("another").join().close();
            return true;
        } catch (RuntimeException e) {
            assertThat(e).hasCauseInstanceOf(LockBackendException.class);
            return false;
        }
    }

    private static long token(Permit permit) {
        return permit.fencingToken().orElseThrow();
    }

    @Test
    void aServerThatPersistsEveryWriteLosesNoLease() throws Exception {
        RedisProcess redis = server();
        KeyedLocker<Object> here = locker(redis.factory());
        KeyedLocker<Object> there = locker(redis.factory());
        Permit held = here.acquire("k");
        redis.kill();
        redis.start();
        RedisProcess.until(() -> works(here) && works(there));
        assertThat(there.tryAcquire("k")).isEmpty();
        assertThat(held.isValid()).isTrue();
        held.close();
        Permit next = there.acquire("k");
        assertThat(token(next)).isGreaterThan(token(held));
        next.close();
        assertThat(lost).isEmpty();
    }

    @Test
    void aServerThatReturnsToItsSnapshotHasLostLaterLeasesAndReportsThem() throws Exception {
        RedisProcess redis = server("appendonly no");
        KeyedLocker<Object> here = locker(redis.factory());
        KeyedLocker<Object> there = locker(redis.factory());
        Permit saved = here.acquire("saved");
        redis.ask("SAVE");
        Permit stale = here.acquire("k");
        for (int i = 0; i < 50; i++) {
            // Ensures that a counter would lag.
            here.acquire("other").close();
        }
        redis.kill();
        redis.start();
        RedisProcess.until(() -> works(there));
        Permit next = there.acquire("k");
        assertThat(token(next)).isGreaterThan(token(stale));
        stale.whenLost().toCompletableFuture().get(60, TimeUnit.SECONDS);
        assertThat(stale.isValid()).isFalse();
        assertThat(saved.isValid()).isTrue();
        assertThat(there.tryAcquire("saved")).isEmpty();
        storeRejects(redis, stale, next);
        stale.close();
        assertThat(next.isValid()).isTrue();
        next.close();
        saved.close();
        assertThat(lost).containsExactly("k");
    }

    private static void storeRejects(RedisProcess redis, Permit stale, Permit next) {
        assertThat(RedisWorker.store(redis.template(), "crash", token(next), "later"))
                .isTrue();
        assertThat(RedisWorker.store(redis.template(), "crash", token(stale), "stale"))
                .isFalse();
    }

    @Test
    void leasesSurviveAFailoverToAReplicaThatHasThem() throws Exception {
        try (RedisSentinel sentinel = new RedisSentinel()) {
            KeyedLocker<Object> here = locker(sentinel.factory());
            KeyedLocker<Object> there = locker(sentinel.factory());
            Permit held = here.acquire("k");
            sentinel.untilReplicated();
            sentinel.killMaster();
            RedisProcess.until(() -> works(here) && works(there));
            assertThat(there.tryAcquire("k")).isEmpty();
            assertThat(held.isValid()).isTrue();
            held.close();
            Permit next = there.acquire("k");
            assertThat(token(next)).isGreaterThan(token(held));
            next.close();
            assertThat(lost).isEmpty();
        }
    }

    @Test
    void aFailoverToALaggingReplicaIsReportedToHoldersAndTokensRise() throws Exception {
        try (RedisSentinel sentinel = new RedisSentinel()) {
            KeyedLocker<Object> here = locker(sentinel.factory());
            KeyedLocker<Object> there = locker(sentinel.factory());
            sentinel.untilReplicated();
            sentinel.stopReplication();
            Permit stale = here.acquire("k");
            for (int i = 0; i < 50; i++) {
                here.acquire("other").close();
            }
            sentinel.killMaster();
            RedisProcess.until(() -> works(there));
            Permit next = there.acquire("k");
            assertThat(token(next)).isGreaterThan(token(stale));
            stale.whenLost().toCompletableFuture().get(60, TimeUnit.SECONDS);
            storeRejects(sentinel.replica(), stale, next);
            stale.close();
            assertThat(next.isValid()).isTrue();
            next.close();
            assertThat(lost).containsExactly("k");
        }
    }
}
