// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseBackend;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
import org.springframework.data.redis.core.StringRedisTemplate;

/** Lockers on a Redis Cluster, where a script may access one slot only and the slots are on several nodes. */
class RedisClusterTests {

    private static RedisCluster redis;
    private static LettuceConnectionFactory here;
    private static LettuceConnectionFactory there;
    private static StringRedisTemplate template;

    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();

    @BeforeAll
    static void start() {
        redis = new RedisCluster();
        here = redis.factory();
        there = redis.factory();
        template = new StringRedisTemplate(here);
    }

    @AfterAll
    static void stop() {
        redis.close();
    }

    @AfterEach
    void close() {
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
    }

    private KeyedLocker<Object> locker(LettuceConnectionFactory client, String name, int limit) {
        KeyedLockerSettings own =
                KeyedLockerSettings.defaults().withName(name).withLimit(limit).withWaitTime(Duration.ofMinutes(1));
        LeaseSettings beating = LeaseSettings.defaults()
                .withLeaseTime(Duration.ofSeconds(12))
                .withBackendTimeout(Duration.ofMinutes(1));
        Leases created = Leases.create(new RedisLeaseStore(client, RedisLeaseStore.DEFAULT_PREFIX), "test");
        leases.add(created);
        LeaseBackend backend = created.backend(own, beating);
        backend.connect();
        KeyedLocker<Object> locker = KeyedLocker.createOn(backend, own);
        lockers.add(locker);
        return locker;
    }

    private static Permit now(CompletableFuture<Permit> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    @Test
    @DisplayName("on each node: a key excludes both processes, waiters are notified, tokens rise")
    void everyNode() throws Exception {
        for (int i = 0; i < 12; i++) {
            KeyedLocker<Object> mine = locker(here, "orders-" + i, 1);
            KeyedLocker<Object> theirs = locker(there, "orders-" + i, 1);
            Permit first = now(mine.acquireAsync("k"));
            assertThat(theirs.tryAcquire("k")).isEmpty();
            CompletableFuture<Permit> second = theirs.acquireAsync("k");
            RedisProcess.until(() ->
                    theirs.snapshot("k").map(key -> key.waiters().size() == 1).orElse(false));
            Permit other = now(theirs.acquireAsync("another"));
            assertThat(second).isNotDone();
            first.close();
            Permit next = now(second);
            assertThat(next.fencingToken().orElseThrow())
                    .isGreaterThan(first.fencingToken().orElseThrow());
            next.close();
            other.close();
        }
        RedisProcess.until(() -> redis.keys().stream()
                .flatMap(List::stream)
                .allMatch(key -> key.endsWith("}:token") || key.contains("}:gone:")));
        assertThat(redis.keys()).allSatisfy(node -> assertThat(node).isNotEmpty());
        assertThat(redis.keys().stream().flatMap(List::stream).filter(key -> key.endsWith("}:token")))
                .hasSize(12);
    }

    @Test
    @DisplayName("multiple keys of one locker, more leases than one heartbeat renews in a call, limits above one")
    void manyKeysInOneSlot() throws Exception {
        KeyedLocker<Object> mine = locker(here, "many", 2);
        KeyedLocker<Object> theirs = locker(there, "many", 2);
        List<Object> keys = new ArrayList<>();
        for (int i = 0; i < 150; i++) {
            keys.add(i);
        }
        Permit ours = now(mine.acquireAllAsync(keys, Duration.ofMinutes(1)));
        Permit more = now(theirs.acquireAllAsync(keys, Duration.ofMinutes(1)));
        assertThat(theirs.tryAcquireAll(List.of(3, 149))).isEmpty();
        List<Double> ends = keys.stream().map(RedisClusterTests::lastEnd).toList();
        RedisProcess.until(() -> keys.stream().allMatch(key -> lastEnd(key) > ends.get((int) key)));
        CompletableFuture<Permit> waiting = mine.acquireAllAsync(List.of(149, 3), Duration.ofMinutes(1));
        more.close();
        now(waiting).close();
        ours.close();
        RedisProcess.until(() -> redis.keys().stream()
                .flatMap(List::stream)
                .noneMatch(key -> key.startsWith("keyedlock:v1:{many}:holders")));
    }

    private static double lastEnd(Object key) {
        return template.opsForZSet()
                .reverseRangeWithScores("keyedlock:v1:{many}:holders:int:" + key, 0, 0)
                .iterator()
                .next()
                .getScore();
    }
}
