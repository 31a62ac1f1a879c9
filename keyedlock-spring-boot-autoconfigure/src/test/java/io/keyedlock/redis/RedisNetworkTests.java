// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseBackend;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

/** One process behind a bad network, beside one with a good network. */
class RedisNetworkTests {

    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Duration TIMEOUT = Duration.ofSeconds(3);

    private static final LeaseSettings PATIENT =
            LeaseSettings.defaults().withLeaseTime(MINUTE).withBackendTimeout(MINUTE);

    private static RedisProcess redis;
    private static LettuceConnectionFactory direct;

    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();
    private final List<String> lost = new CopyOnWriteArrayList<>();
    private RedisProxy network;
    private LettuceConnectionFactory behind;
    private KeyedLocker<Object> there;
    private String name;

    @BeforeAll
    static void start() {
        redis = new RedisProcess();
        direct = redis.factory();
    }

    @AfterAll
    static void stop() {
        redis.close();
    }

    @BeforeEach
    void connect(TestInfo test) {
        name = test.getTestMethod().orElseThrow().getName();
        network = new RedisProxy(redis.port());
        behind = RedisProcess.factory(network.port());
        there = locker(direct, PATIENT.withLeaseTime(Duration.ofSeconds(6)));
    }

    @AfterEach
    void nothingStays() {
        network.goOn();
        lockers.forEach(KeyedLocker::close);
        RedisProcess.until(() -> redis.leasesAndQueues().isEmpty());
        leases.forEach(Leases::close);
        behind.destroy();
        network.close();
    }

    private KeyedLocker<Object> locker(LettuceConnectionFactory connections, LeaseSettings settings) {
        KeyedLockerSettings own = KeyedLockerSettings.defaults().withName(name).withWaitTime(MINUTE);
        Leases created = Leases.create(new RedisLeaseStore(connections, RedisLeaseStore.DEFAULT_PREFIX), "test");
        leases.add(created);
        LeaseBackend backend = created.backend(own, settings);
        // The first call connects, for which a short timeout may be too short.
        RedisProcess.until(() -> {
            try {
                backend.connect();
                return true;
            } catch (LockBackendException e) {
                return false;
            }
        });
        KeyedLocker<Object> locker = KeyedLocker.createOn(backend, own);
        locker.addListener(new KeyedLockerListener() {
            @Override
            public void leaseLost(Object key) {
                lost.add(String.valueOf(key));
            }
        });
        lockers.add(locker);
        return locker;
    }

    private static LeaseSettings lease(Duration lease) {
        return LeaseSettings.defaults().withLeaseTime(lease).withBackendTimeout(TIMEOUT);
    }

    private static long token(Permit permit) {
        return permit.fencingToken().orElseThrow();
    }

    private void holderBehindTheNetworkLosesItsLeaseBeforeAnotherEnters(RedisProxy.Direction direction)
            throws Exception {
        KeyedLocker<Object> here = locker(behind, lease(Duration.ofSeconds(8)));
        Permit held = here.acquire("k");
        network.holdBack(direction);
        Permit next = there.acquire("k");
        assertThat(held.isValid()).isFalse();
        assertThat(token(next)).isGreaterThan(token(held));
        held.whenLost().toCompletableFuture().get(60, TimeUnit.SECONDS);
        network.goOn();
        RedisProcess.until(() -> here.isActive("k") && works(here));
        assertThat(held.isValid()).as("late answers renew no lease").isFalse();
        assertThat(next.isValid()).as("late requests acquire nothing").isTrue();
        held.close();
        assertThat(here.tryAcquire("k")).isEmpty();
        assertThat(next.isValid()).isTrue();
        next.close();
        assertThat(lost).containsExactly("k");
    }

    private static boolean works(KeyedLocker<Object> locker) {
        try {
            locker.acquireAsync("other").join().close();
            return true;
        } catch (RuntimeException e) {
            return false;
        }
    }

    @Test
    @DisplayName("a holder whose requests do not arrive loses its lease before another acquires")
    void requestsDoNotArrive() throws Exception {
        holderBehindTheNetworkLosesItsLeaseBeforeAnotherEnters(RedisProxy.Direction.REQUESTS);
    }

    @Test
    @DisplayName("a holder that receives no responses loses its lease before another acquires")
    void answersDoNotArrive() throws Exception {
        holderBehindTheNetworkLosesItsLeaseBeforeAnotherEnters(RedisProxy.Direction.ANSWERS);
    }

    @Test
    @DisplayName("a network outage that is shorter than a lease loses no lease and no waiter")
    void shortOutage() throws Exception {
        KeyedLocker<Object> here = locker(
                behind, LeaseSettings.defaults().withLeaseTime(MINUTE).withBackendTimeout(Duration.ofSeconds(20)));
        Permit held = here.acquire("k");
        CompletableFuture<Permit> waits = there.acquireAsync("k");
        Permit other = there.acquire("other");
        CompletableFuture<Permit> behindWaits = here.acquireAsync("other");
        RedisProcess.until(() -> queued("other") == 1 && queued("k") == 1);
        network.cut();
        other.close();
        behindWaits.get(60, TimeUnit.SECONDS).close();
        assertThat(held.isValid()).isTrue();
        held.close();
        waits.get(60, TimeUnit.SECONDS).close();
        assertThat(lost).isEmpty();
    }

    private long queued(String key) {
        return redis.template().opsForZSet().zCard("keyedlock:v1:{" + name + "}:queue:s:" + key);
    }

    @Test
    @DisplayName("an acquire that arrives after its caller has left holds nothing")
    void lateRequest() throws Exception {
        KeyedLocker<Object> here = locker(behind, lease(MINUTE));
        network.holdBack(RedisProxy.Direction.REQUESTS);
        assertThatThrownBy(() -> here.acquire("k")).isInstanceOf(LockBackendException.class);
        assertThatThrownBy(() -> here.acquire("k", Duration.ofMillis(10))).isInstanceOf(LockBackendException.class);
        network.goOn();
        there.acquire("k").close();
        RedisProcess.until(() -> redis.leasesAndQueues().isEmpty());
    }

    @Test
    @DisplayName("over a slow network, sections of a key exclude each other and no request fails")
    void slowNetwork() throws Exception {
        KeyedLocker<Object> here =
                locker(behind, PATIENT.withLeaseTime(Duration.ofSeconds(15)).withHandoffWindow(Duration.ZERO));
        network.slow(Duration.ofMillis(40));
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger sections = new AtomicInteger();
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            all.add((i % 2 == 0 ? here : there).acquireAsync("k").thenAcceptAsync(permit -> {
                try (permit) {
                    assertThat(inside.incrementAndGet()).isEqualTo(1);
                    sections.incrementAndGet();
                    inside.decrementAndGet();
                }
            }));
        }
        CompletableFuture.allOf(all.toArray(new CompletableFuture<?>[0])).get(60, TimeUnit.SECONDS);
        assertThat(sections).hasValue(20);
        assertThat(lost).isEmpty();
    }

    @Test
    @DisplayName("a server that pauses its clients for less than a lease loses no lease")
    void clientPause() throws Exception {
        KeyedLocker<Object> here = locker(direct, lease(MINUTE));
        Permit held = here.acquire("k");
        redis.ask("CLIENT PAUSE 5000");
        assertThatThrownBy(() -> here.acquire("other")).isInstanceOf(LockBackendException.class);
        CompletableFuture<Permit> waits = there.acquireAsync("k");
        there.acquire("other").close();
        assertThat(held.isValid()).isTrue();
        assertThat(waits).isNotDone();
        held.close();
        waits.get(60, TimeUnit.SECONDS).close();
        assertThat(lost).isEmpty();
    }
}
