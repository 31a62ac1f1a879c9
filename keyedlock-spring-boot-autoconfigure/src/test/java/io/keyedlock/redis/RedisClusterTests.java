// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
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
import org.redisson.api.RedissonClient;
import org.redisson.client.codec.StringCodec;

/** Lockers on a Redis Cluster, where a script may touch the keys of one slot only, and the slots are on several nodes. */
class RedisClusterTests {

    private static RedisCluster redis;
    private static RedissonClient here;
    private static RedissonClient there;

    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();

    @BeforeAll
    static void start() {
        redis = new RedisCluster();
        here = redis.client();
        there = redis.client();
    }

    @AfterAll
    static void stop() {
        redis.close();
    }

    @AfterEach
    void close() {
        lockers.forEach(KeyedLocker::close);
    }

    private KeyedLocker<Object> locker(RedissonClient client, String name, int limit) {
        KeyedLockerSettings own =
                KeyedLockerSettings.defaults().withName(name).withLimit(limit).withWaitTime(Duration.ofMinutes(1));
        RedisSettings beating = RedisSettings.defaults()
                .withLeaseTime(Duration.ofSeconds(12))
                .withBackendTimeout(Duration.ofMinutes(1));
        RedisBackend backend = RedisBackend.create(client, own, beating);
        backend.connect();
        KeyedLocker<Object> locker = KeyedLocker.createOn(backend, own);
        lockers.add(locker);
        return locker;
    }

    private static Permit now(CompletableFuture<Permit> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    @Test
    @DisplayName("whatever node a locker's slot is on: a key excludes in both processes, waiters are told, tokens rise")
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
        RedisProcess.until(() -> redis.keys().stream().flatMap(List::stream).allMatch(key -> key.endsWith("}:token")));
        assertThat(redis.keys()).allSatisfy(node -> assertThat(node).isNotEmpty());
        assertThat(redis.keys().stream().flatMap(List::stream)).hasSize(12);
    }

    @Test
    @DisplayName("several keys of one locker, more leases than one beat renews at once, limits above one")
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
                .noneMatch(key -> key.startsWith("keyedlock:{many}:holders")));
    }

    private static double lastEnd(Object key) {
        return here.getScoredSortedSet("keyedlock:{many}:holders:int:" + key, StringCodec.INSTANCE)
                .lastScore();
    }
}
