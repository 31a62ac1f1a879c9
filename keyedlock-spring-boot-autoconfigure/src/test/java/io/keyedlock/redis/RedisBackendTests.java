// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseBackend;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

/** Two lockers of one name on two clients of one real Redis, as in two processes. */
@ExtendWith(OutputCaptureExtension.class)
class RedisBackendTests {

    /** No answer is too late on a busy machine. */
    private static final LeaseSettings PATIENT = LeaseSettings.defaults().withBackendTimeout(Duration.ofMinutes(1));

    /** Beats of four seconds, for what has to wait for one. */
    private static final LeaseSettings BEATING = PATIENT.withLeaseTime(Duration.ofSeconds(12));

    /** Beats of a quarter of an hour. */
    private static final LeaseSettings SLOW =
            PATIENT.withLeaseTime(Duration.ofHours(1)).withBackendTimeout(Duration.ofMinutes(30));

    private static RedisProcess redis;
    private static LettuceConnectionFactory here;
    private static LettuceConnectionFactory there;

    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();
    private final List<String> events = new CopyOnWriteArrayList<>();
    private String name;

    @BeforeAll
    static void start() {
        redis = new RedisProcess();
        here = redis.factory();
        there = redis.factory();
    }

    @AfterAll
    static void stop() {
        redis.close();
    }

    @org.junit.jupiter.api.BeforeEach
    void name(TestInfo test) {
        name = test.getTestMethod().orElseThrow().getName();
    }

    @AfterEach
    void onlyTokenAndTombstonesRemain() {
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
        RedisProcess.until(() -> redis.leasesAndQueues().isEmpty());
        assertThat(redis.keys()).contains("keyedlock:v1:{" + name + "}:token");
        assertThat(redis.template().getExpire("keyedlock:v1:{" + name + "}:token"))
                .isEqualTo(-1);
        assertThat(redis.keys())
                .filteredOn(key -> key.startsWith("keyedlock:v1:{" + name + "}:gone:"))
                .isNotEmpty()
                .allSatisfy(key -> assertThat(redis.template().getExpire(key)).isNotNegative());
    }

    private LeaseBackend backend(LettuceConnectionFactory client, KeyedLockerSettings own, LeaseSettings settings) {
        Leases created = Leases.create(new RedisLeaseStore(client, RedisLeaseStore.DEFAULT_PREFIX), "test");
        leases.add(created);
        return created.backend(own, settings);
    }

    private KeyedLocker<Object> locker(LettuceConnectionFactory client, int limit, LeaseSettings settings) {
        KeyedLockerSettings own = KeyedLockerSettings.defaults().withName(name).withLimit(limit);
        return locker(backend(client, own, settings), own);
    }

    private KeyedLocker<Object> locker(LeaseBackend backend, KeyedLockerSettings own) {
        KeyedLocker<Object> locker = KeyedLocker.createOn(backend, own);
        locker.addListener(new KeyedLockerListener() {
            @Override
            public void leaseLost(Object key) {
                events.add("lost " + key);
            }
        });
        lockers.add(locker);
        return locker;
    }

    private KeyedLocker<Object> locker(LettuceConnectionFactory client) {
        return locker(client, 1, PATIENT);
    }

    private static Permit now(CompletableFuture<Permit> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    private static long token(Permit permit) {
        return permit.fencingToken().orElseThrow();
    }

    @Test
    void aKeyIsHeldInOneProcessAtATimeAndOthersAreToldWhenItIsFree() throws Exception {
        KeyedLocker<Object> one = locker(here);
        KeyedLocker<Object> two = locker(there);
        Permit first = one.acquire("k");
        CompletableFuture<Permit> waits = two.acquireAsync("k");
        theOtherIsInLine();
        assertThat(two.tryAcquire("k")).isEmpty();
        assertThat(two.tryAcquire("k", Duration.ofMillis(50))).isEmpty();
        two.acquire("other").close();
        assertThat(waits).isNotDone();
        assertThat(two.snapshot("k").orElseThrow().holders()).isEmpty();
        first.close();
        Permit second = now(waits);
        assertThat(token(second)).isGreaterThan(token(first));
        assertThat(one.tryAcquire("k")).isEmpty();
        second.close();
        one.acquire("k").close();
    }

    @Test
    void waiterIsNotifiedWithoutAHeartbeat() throws Exception {
        // Only the message can end the wait.
        KeyedLocker<Object> one = locker(here, 1, SLOW);
        KeyedLocker<Object> two = locker(there, 1, SLOW);
        Permit first = one.acquire("k");
        for (int i = 0; i < 3; i++) {
            CompletableFuture<Permit> waits = two.acquireAsync("k");
            theOtherIsInLine();
            first.close();
            first = now(waits);
            KeyedLocker<Object> other = one;
            one = two;
            two = other;
        }
        first.close();
    }

    @Test
    void aLimitHoldsOverAllProcesses() throws Exception {
        KeyedLocker<Object> one = locker(here, 3, PATIENT);
        KeyedLocker<Object> two = locker(there, 3, PATIENT);
        Permit a = now(one.acquireAsync("k"));
        Permit b = now(two.acquireAsync("k"));
        Permit c = now(one.acquireAsync("k"));
        CompletableFuture<Permit> fourth = two.acquireAsync("k");
        assertThat(two.tryAcquire("k")).isEmpty();
        assertThat(one.tryAcquire("k")).isEmpty();
        assertThat(List.of(token(a), token(b), token(c))).isSorted().doesNotHaveDuplicates();
        b.close();
        now(fourth).close();
        a.close();
        c.close();
    }

    @Test
    void aLimitIsChangedWhileOthersUseTheOldOne(CapturedOutput output) throws Exception {
        LeaseBackend backend =
                backend(there, KeyedLockerSettings.defaults().withName(name).withLimit(3), PATIENT);
        backend.connect();
        KeyedLocker<Object> one = locker(here, 1, PATIENT);
        KeyedLocker<Object> three =
                locker(backend, KeyedLockerSettings.defaults().withName(name).withLimit(3));
        Permit held = now(one.acquireAsync("k"));
        Permit second = now(three.acquireAsync("k"));
        Permit third = now(three.acquireAsync("k"));
        assertThat(three.tryAcquire("k")).isEmpty();
        assertThat(one.tryAcquire("k")).isEmpty();
        assertThat(backend.otherLimit()).hasValue(1);
        RedisProcess.until(() ->
                output.toString().contains("Locker '" + name + "' has the limit 3 in this process and 1 in another"));
        List.of(held, second, third).forEach(Permit::close);
        one.acquire("k").close();
    }

    @Test
    void aLeaseIsHandedOffWithinItsWindowAndNotBeyond() throws Exception {
        KeyedLocker<Object> generous = locker(here, 1, PATIENT.withHandoffWindow(Duration.ofHours(1)));
        List<CompletableFuture<Permit>> all = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            all.add(generous.acquireAsync("k"));
        }
        long token = token(now(all.get(0)));
        for (CompletableFuture<Permit> permit : all) {
            assertThat(token(now(permit))).isEqualTo(token);
            permit.join().close();
        }
        KeyedLocker<Object> strict = locker(there, 1, PATIENT.withHandoffWindow(Duration.ZERO));
        all.clear();
        for (int i = 0; i < 5; i++) {
            all.add(strict.acquireAsync("k"));
        }
        for (CompletableFuture<Permit> permit : all) {
            assertThat(token(now(permit))).isGreaterThan(token);
            token = token(permit.join());
            permit.join().close();
        }
    }

    @Test
    void processesTakeTurnsWhereBothHaveWaiters() throws Exception {
        LeaseSettings strict = PATIENT.withHandoffWindow(Duration.ZERO);
        KeyedLocker<Object> one = locker(here, 1, strict);
        KeyedLocker<Object> two = locker(there, 1, strict);
        Permit first = one.acquire("k");
        List<CompletableFuture<Permit>> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            for (KeyedLocker<Object> locker : List.of(two, one)) {
                all.add(locker.acquireAsync("k"));
            }
        }
        theOtherIsInLine();
        first.close();
        while (!all.isEmpty()) {
            Permit permit = now(all.remove(0));
            if (!all.isEmpty()) {
                theOtherIsInLine();
            }
            assertThat(all).noneMatch(CompletableFuture::isDone);
            permit.close();
        }
    }

    private long size(String what) {
        return redis.template().opsForZSet().zCard("keyedlock:v1:{" + name + "}:" + what);
    }

    /** Only the head of a process asks Redis, and the process of the holder has none that does. */
    private void theOtherIsInLine() {
        RedisProcess.until(() -> size("queue:s:k") == 1);
    }

    @Test
    void aWaiterThatLeavesIsRemovedFromTheQueueInRedis() throws Exception {
        KeyedLocker<Object> one = locker(here);
        KeyedLocker<Object> two = locker(there);
        Permit first = one.acquire("k");
        CompletableFuture<Permit> gone = two.acquireAsync("k");
        RedisProcess.until(() -> redis.keys().contains("keyedlock:v1:{" + name + "}:queue:s:k"));
        assertThat(gone.cancel(true)).isTrue();
        RedisProcess.until(() -> !redis.keys().contains("keyedlock:v1:{" + name + "}:queue:s:k"));
        first.close();
        one.acquire("k").close();
    }

    @Test
    void leasesAreRenewedWhileTheyAreHeld() throws Exception {
        KeyedLocker<Object> one = locker(here, 1, BEATING);
        KeyedLocker<Object> two = locker(there, 1, BEATING);
        List<Permit> held = new ArrayList<>();
        List<Double> ends = new ArrayList<>();
        for (int i = 0; i < 250; i++) {
            held.add(one.acquire(i));
        }
        for (int i = 0; i < 250; i++) {
            ends.add(endOfLease(i));
        }
        RedisProcess.until(() -> IntStream.range(0, 250).allMatch(i -> endOfLease(i) > ends.get(i)));
        assertThat(two.tryAcquire(0)).isEmpty();
        assertThat(two.tryAcquire(249)).isEmpty();
        assertThat(events).isEmpty();
        held.forEach(Permit::close);
        two.acquire(0, Duration.ofSeconds(60)).close();
    }

    private double endOfLease(int key) {
        return redis.template()
                .opsForZSet()
                .rangeWithScores("keyedlock:v1:{" + name + "}:holders:int:" + key, 0, 0)
                .iterator()
                .next()
                .getScore();
    }

    @Test
    void aLostLeaseIsReportedAndItsReleaseIsQuiet() throws Exception {
        KeyedLocker<Object> one = locker(here, 1, BEATING);
        KeyedLocker<Object> two = locker(there);
        Permit held = one.acquire("k");
        long token = token(held);
        redis.template().delete("keyedlock:v1:{" + name + "}:holders:s:k");
        RedisProcess.until(() -> events.contains("lost k"));
        Permit other = two.acquire("k", Duration.ofSeconds(60));
        assertThat(token(other)).isGreaterThan(token);
        held.close();
        assertThat(one.isActive("k")).isFalse();
        assertThat(one.tryAcquire("k")).isEmpty();
        other.close();
        one.acquire("k", Duration.ofSeconds(60)).close();
        assertThat(events).containsExactly("lost k");
    }

    @Test
    void releaseIsInRedisByTheTimeTheLockerIsClosed() throws Exception {
        KeyedLocker<Object> other = locker(there);
        for (int i = 0; i < 10; i++) {
            LettuceConnectionFactory own = redis.factory();
            KeyedLocker<Object> locker = locker(own);
            locker.acquire("k").close();
            locker.close();
            own.destroy();
            assertThat(size("holders:s:k")).isZero();
        }
        other.acquire("k").close();
    }

    @Test
    void aLossThatOnlyTheReleaseFindsIsReportedToo() throws Exception {
        KeyedLocker<Object> one = locker(here, 1, SLOW);
        // Again, as a release whose answer takes long may have been sent twice, and tells no loss then.
        RedisProcess.until(() -> {
            Permit held = one.acquireAsync("k").join();
            redis.template().delete("keyedlock:v1:{" + name + "}:holders:s:k");
            held.close();
            return events.contains("lost k");
        });
    }

    @Test
    void tokensGrowEvenWhenTheCounterIsGone() throws Exception {
        KeyedLocker<Object> one = locker(here);
        Permit before = one.acquire("k");
        before.close();
        redis.template().delete("keyedlock:v1:{" + name + "}:token");
        Permit after = one.acquire("k");
        assertThat(token(after)).isGreaterThan(token(before));
        after.close();
    }

    @Test
    void zeroWaitIsOneRemoteTry() throws Exception {
        KeyedLocker<Object> one = locker(here);
        KeyedLocker<Object> two = locker(there);
        Optional<Permit> first = one.tryAcquire("k");
        assertThat(first).isPresent();
        assertThatThrownBy(() -> two.acquire("k", Duration.ZERO)).isInstanceOf(LockTimeoutException.class);
        assertThat(catchThrowable(() -> two.acquireAsync("k", Duration.ZERO).get(60, TimeUnit.SECONDS)))
                .hasCauseInstanceOf(LockTimeoutException.class);
        assertThat(two.isActive("k")).isFalse();
        first.orElseThrow().close();
    }
}
