// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
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
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** Waiters while Redis is paused or down, and their state in Redis afterwards. */
@ExtendWith(OutputCaptureExtension.class)
class RedisOutageTests {

    private static final KeyedLockerSettings SETTINGS =
            KeyedLockerSettings.defaults().withName("outage");

    private static final Duration HOUR = Duration.ofHours(1);
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private RedisProcess redis;
    private KeyedLocker<Object> holder;
    private Permit held;
    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();

    @BeforeEach
    void aKeyIsHeldByAnother() throws Exception {
        redis = new RedisProcess();
        holder = locker(backend(HOUR, MINUTE));
        held = holder.acquire("k", MINUTE);
    }

    @AfterEach
    void stop() {
        redis.close();
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
    }

    private LeaseBackend backend(Duration lease, Duration timeout) {
        Leases created = Leases.create(new RedisLeaseStore(redis.factory(), RedisLeaseStore.DEFAULT_PREFIX), "test");
        leases.add(created);
        return created.backend(
                SETTINGS, LeaseSettings.defaults().withLeaseTime(lease).withBackendTimeout(timeout));
    }

    private KeyedLocker<Object> locker(LeaseBackend backend) {
        KeyedLocker<Object> locker = KeyedLocker.createOn(backend, SETTINGS);
        lockers.add(locker);
        return locker;
    }

    private long queued() {
        return redis.template().opsForZSet().zCard("keyedlock:v1:{outage}:queue:s:k");
    }

    /** Waits for the key, again if Redis does not respond in time at first. */
    private CompletableFuture<Permit> queue(KeyedLocker<Object> locker) {
        List<CompletableFuture<Permit>> waits = new ArrayList<>(List.of(locker.acquireAsync("k", HOUR)));
        RedisProcess.until(() -> {
            if (waits.get(0).isDone()) {
                waits.set(0, locker.acquireAsync("k", HOUR));
            }
            return queued() == 1;
        });
        return waits.get(0);
    }

    private void theKeyIsFreeForOthers() throws Exception {
        RedisProcess.until(() -> queued() == 0);
        held.close();
        holder.acquire("k", MINUTE).close();
    }

    private static void fails(CompletableFuture<Permit> waits, String words) {
        assertThatThrownBy(() -> waits.get(60, TimeUnit.SECONDS))
                .cause()
                .isInstanceOf(LockBackendException.class)
                .hasMessageContaining(words);
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    @DisplayName("a waiter that fails while Redis is paused has left the queue when Redis resumes")
    void redisIsPaused() throws Exception {
        CompletableFuture<Permit> waits = queue(locker(backend(HOUR, Duration.ofSeconds(2))));
        redis.standStill();
        fails(waits, "redis did not answer within 2000 ms");
        redis.goOn();
        theKeyIsFreeForOthers();
    }

    @Test
    @DisplayName("a waiter that is cancelled while Redis is down has left the queue after the restart")
    void redisIsDown() throws Exception {
        CompletableFuture<Permit> waits = queue(locker(backend(HOUR, Duration.ofSeconds(4))));
        redis.stop();
        waits.cancel(true);
        redis.start();
        theKeyIsFreeForOthers();
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    @DisplayName("a lease that Redis grants too late is released")
    void aLateGrantIsReleased() throws Exception {
        KeyedLocker<Object> other = locker(backend(HOUR, Duration.ofSeconds(1)));
        redis.standStill();
        assertThatThrownBy(() -> other.acquire("another")).isInstanceOf(LockBackendException.class);
        redis.goOn();
        holder.acquire("another", MINUTE).close();
        held.close();
    }

    @Test
    @DisplayName("a waiter survives an outage that is shorter than the backend timeout; the outage is logged once")
    void shortOutage(CapturedOutput output) throws Exception {
        LeaseBackend quick = backend(HOUR, Duration.ofMillis(500));
        KeyedLocker<Object> patient = locker(backend(Duration.ofSeconds(6), MINUTE));
        KeyedLocker<Object> impatient = locker(quick);
        CompletableFuture<Permit> waits = queue(patient);
        redis.stop();
        RedisProcess.until(() -> {
            assertThatThrownBy(() -> impatient.acquireAsync("other").get())
                    .hasCauseInstanceOf(LockBackendException.class);
            return !quick.isAvailable();
        });
        redis.start();
        RedisProcess.until(() -> works(impatient) && quick.isAvailable());
        assertThat(waits).isNotDone();
        held.close();
        waits.get(60, TimeUnit.SECONDS).close();
        RedisProcess.until(() -> output.toString().contains("redis can be reached again"));
        assertThat(output.toString().split("redis cannot be reached", -1)).hasSize(2);
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
    @DisplayName("callers do not wait for a connecting driver; once Redis has started, permits are granted")
    void redisStartsLater() {
        redis.stop();
        KeyedLocker<Object> locker = locker(backend(HOUR, Duration.ofMillis(300)));
        fails(locker.acquireAsync("other"), "");
        assertThat(locker.activeKeyCount()).isZero();
        redis.start();
        RedisProcess.until(() -> works(locker));
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("scripts that Redis has lost are sent again")
    void scriptsAreFlushed() throws Exception {
        redis.ask("SCRIPT FLUSH");
        holder.acquire("other", MINUTE).close();
        CompletableFuture<Permit> waits = queue(locker(backend(HOUR, MINUTE)));
        redis.ask("SCRIPT FLUSH");
        held.close();
        waits.get(60, TimeUnit.SECONDS).close();
    }

    @Test
    @DisplayName("a lost subscription is restored")
    void subscriptionIsCut() throws Exception {
        KeyedLocker<Object> waiting = locker(backend(HOUR, HOUR));
        CompletableFuture<Permit> first = queue(waiting);
        RedisProcess.until(() -> redis.ask("PUBSUB CHANNELS *").contains("*1"));
        redis.ask("CLIENT KILL TYPE pubsub");
        RedisProcess.until(() -> redis.ask("PUBSUB CHANNELS *").contains("*1"));
        // The next heartbeat is half an hour away.
        held.close();
        first.get(60, TimeUnit.SECONDS).close();
    }
}
