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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

/** Lockers on a Redis Cluster whose nodes change while keys are held and contended. */
@Tag("processes") // starts up to five servers, and waits for elections
class RedisClusterChangesTests {

    private static final String NAME = "orders";

    private static final KeyedLockerSettings SETTINGS =
            KeyedLockerSettings.defaults().withName(NAME).withWaitTime(Duration.ofMinutes(1));

    private static final LeaseSettings LEASE =
            LeaseSettings.defaults().withLeaseTime(Duration.ofMinutes(1)).withBackendTimeout(Duration.ofSeconds(8));

    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();
    private final List<String> lost = new CopyOnWriteArrayList<>();
    private final AtomicInteger inside = new AtomicInteger();
    private final AtomicInteger sections = new AtomicInteger();
    private final AtomicInteger failures = new AtomicInteger();
    private volatile boolean ended;
    private RedisCluster redis;

    @BeforeEach
    void start() {
        redis = new RedisCluster();
    }

    @AfterEach
    void stop() {
        ended = true;
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
        redis.close();
    }

    private KeyedLocker<Object> locker() {
        LettuceConnectionFactory connections = redis.factory();
        Leases created = Leases.create(new RedisLeaseStore(connections, RedisLeaseStore.DEFAULT_PREFIX), "test");
        leases.add(created);
        KeyedLocker<Object> locker = KeyedLocker.createOn(created.backend(SETTINGS, LEASE), SETTINGS);
        locker.addListener(new KeyedLockerListener() {
            @Override
            public void leaseLost(Object key) {
                lost.add(String.valueOf(key));
            }
        });
        lockers.add(locker);
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

    /** Acquires a key repeatedly. */
    private Thread contend(KeyedLocker<Object> locker) {
        Thread thread = new Thread(() -> {
            while (!ended) {
                try (Permit permit = locker.acquire("contended")) {
                    assertThat(permit.isValid()).isTrue();
                    if (inside.incrementAndGet() > 1) {
                        throw new IllegalStateException("two are inside");
                    }
                    inside.decrementAndGet();
                    sections.incrementAndGet();
                } catch (LockBackendException e) {
                    failures.incrementAndGet();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
        });
        thread.start();
        return thread;
    }

    private void untilMoreSections() {
        int before = sections.get();
        RedisProcess.until(() -> sections.get() > before + 20);
    }

    @Test
    void movingASlotKeepsItsLeasesAndWaiters() throws Exception {
        KeyedLocker<Object> here = locker();
        KeyedLocker<Object> there = locker();
        Permit held = here.acquire("k");
        CompletableFuture<Permit> waits = there.acquireAsync("k");
        List<Thread> contending = List.of(contend(here), contend(there));
        untilMoreSections();
        int slot = redis.slotOf(NAME);
        int from = RedisCluster.nodeOf(slot);
        int to = (from + 1) % 3;
        redis.moveSlot(slot, from, to);
        untilMoreSections();
        redis.moveSlot(slot, to, from);
        untilMoreSections();
        assertThat(waits).isNotDone();
        assertThat(held.isValid()).isTrue();
        held.close();
        Permit next = waits.get(60, TimeUnit.SECONDS);
        assertThat(next.fencingToken().orElseThrow())
                .isGreaterThan(held.fencingToken().orElseThrow());
        next.close();
        end(contending);
        assertThat(failures).hasValue(0);
        assertThat(lost).isEmpty();
    }

    @Test
    void aPlannedFailoverLosesNoLease() throws Exception {
        int slot = redis.slotOf(NAME);
        int node = RedisCluster.nodeOf(slot);
        int replica = redis.addReplica(node);
        KeyedLocker<Object> here = locker();
        KeyedLocker<Object> there = locker();
        Permit held = here.acquire("k");
        List<Thread> contending = List.of(contend(here), contend(there));
        untilMoreSections();
        redis.failOver(replica);
        untilMoreSections();
        assertThat(there.tryAcquire("k")).isEmpty();
        assertThat(held.isValid()).isTrue();
        held.close();
        there.acquire("k").close();
        end(contending);
        assertThat(lost).isEmpty();
    }

    @Test
    void aReplicaThatIsElectedHasTheLeasesThatWereReplicatedAndTokensRise() throws Exception {
        int node = RedisCluster.nodeOf(redis.slotOf(NAME));
        int replica = redis.addReplica(node);
        KeyedLocker<Object> here = locker();
        KeyedLocker<Object> there = locker();
        Permit held = here.acquire("k");
        redis.untilReplicated(node, replica);
        redis.stop(node, replica);
        RedisProcess.until(() -> works(here) && works(there));
        assertThat(there.tryAcquire("k")).isEmpty();
        assertThat(held.isValid()).isTrue();
        held.close();
        Permit next = there.acquire("k");
        assertThat(next.fencingToken().orElseThrow())
                .isGreaterThan(held.fencingToken().orElseThrow());
        next.close();
        assertThat(lost).isEmpty();
    }

    private void end(List<Thread> contending) throws InterruptedException {
        ended = true;
        for (Thread thread : contending) {
            thread.join();
        }
    }
}
