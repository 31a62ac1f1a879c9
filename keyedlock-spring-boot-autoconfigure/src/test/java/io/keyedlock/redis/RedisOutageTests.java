// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.extension.ExtendWith;
import org.redisson.api.RedissonClient;
import org.redisson.client.codec.StringCodec;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.test.util.ReflectionTestUtils;

/**
 * What becomes of those who wait when Redis stands still or is down for a time, and of what Redis has of them. A place in
 * line lasts an hour here without a sign of life: whatever is gone, somebody has left it.
 */
@ExtendWith(OutputCaptureExtension.class)
class RedisOutageTests {

    private static final KeyedLockerSettings SETTINGS =
            KeyedLockerSettings.defaults().withName("outage");

    private static final Duration HOUR = Duration.ofHours(1);
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private RedisProcess redis;
    private RedissonClient witness;
    private KeyedLocker<Object> holder;
    private Permit held;
    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();

    @BeforeEach
    void aKeyIsHeldByAnother() throws Exception {
        redis = new RedisProcess();
        witness = redis.client();
        holder = locker(backend(redis.client(), HOUR, HOUR));
        held = holder.acquire("k");
    }

    @AfterEach
    void stop() {
        // The one with a time-out of an hour would wait for its releases.
        redis.close();
        lockers.forEach(KeyedLocker::close);
    }

    private static RedisBackend backend(RedissonClient client, Duration lease, Duration timeout) {
        RedisBackend backend = RedisBackend.create(
                client, SETTINGS, RedisSettings.defaults().withLeaseTime(lease).withBackendTimeout(timeout));
        ReflectionTestUtils.setField(backend, "patienceMillis", Long.toString(HOUR.toMillis()));
        return backend;
    }

    private KeyedLocker<Object> locker(RedisBackend backend) {
        KeyedLocker<Object> locker = KeyedLocker.createOn(backend, SETTINGS);
        lockers.add(locker);
        return locker;
    }

    private boolean somebodyIsInLine() {
        return !witness.getScoredSortedSet("keyedlock:{outage}:queue:s:k", StringCodec.INSTANCE)
                .isEmpty();
    }

    /** Waits for the key, and awaits no further answer of Redis. */
    private CompletableFuture<Permit> inLine(RedisBackend backend) throws InterruptedException {
        KeyedLocker<Object> locker = locker(backend);
        // Whoever is the first to wait asks again once its process listens.
        try (Permit other = holder.acquire("first")) {
            assertThat(other.fencingToken()).isPresent();
            RedisProcess.until(() -> {
                inLine(backend, locker, "first").cancel(true);
                return backend.isListening();
            });
        }
        CompletableFuture<Permit> waits = inLine(backend, locker, "k");
        RedisProcess.until(() -> backend.owed() == 0);
        return waits;
    }

    /** Waits until the backend has heard that it is in line; again if it has heard nothing in time. */
    private static CompletableFuture<Permit> inLine(RedisBackend backend, KeyedLocker<Object> locker, Object key) {
        Map<?, ?> open = (Map<?, ?>) ReflectionTestUtils.getField(backend, "open");
        AtomicReference<CompletableFuture<Permit>> waits = new AtomicReference<>(locker.acquireAsync(key));
        RedisProcess.until(() -> {
            if (waits.get().isDone()) {
                waits.set(locker.acquireAsync(key));
            }
            return open.values().stream()
                    .anyMatch(request -> request instanceof RedisRequest asked
                            && asked.keyName.equals("s:" + key)
                            && asked.isInLine());
        });
        return waits.get();
    }

    private static void fails(CompletableFuture<Permit> waits, String words) {
        assertThatThrownBy(() -> waits.get(60, TimeUnit.SECONDS))
                .cause()
                .isInstanceOf(LockBackendException.class)
                .hasMessageContaining(words);
    }

    private void theKeyIsFreeForOthers() throws Exception {
        RedisProcess.until(() -> !somebodyIsInLine());
        held.close();
        holder.acquire("k", MINUTE).close();
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    @DisplayName("a waiter that fails while Redis stands still has left the line once it goes on")
    void redisStandsStill() throws Exception {
        CompletableFuture<Permit> waits = inLine(backend(redis.client(MINUTE), HOUR, Duration.ofSeconds(2)));
        redis.standStill();
        fails(waits, "no answer of Redis within 2000 ms");
        redis.goOn();
        theKeyIsFreeForOthers();
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    @DisplayName("a beat that finds the place of one who has failed long ago has it left")
    void beatComesLate() throws Exception {
        RedisBackend backend = backend(redis.client(MINUTE), Duration.ofMillis(300), Duration.ofSeconds(1));
        CompletableFuture<Permit> waits = inLine(backend);
        redis.standStill();
        fails(waits, "no answer of Redis");
        RedisProcess.until(() -> backend.owed() == 0);
        redis.goOn();
        theKeyIsFreeForOthers();
    }

    @Test
    @DisplayName("a waiter that is withdrawn while Redis is down has left the line once it is there again")
    void redisIsDown() throws Exception {
        RedisBackend backend = backend(redis.client(Duration.ofSeconds(10)), HOUR, Duration.ofSeconds(4));
        CompletableFuture<Permit> waits = inLine(backend);
        redis.stop();
        waits.cancel(true);
        RedisProcess.until(() -> backend.owed() > 0);
        redis.start();
        theKeyIsFreeForOthers();
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    @DisplayName("a permit that Redis grants when nobody hears of it any more is given back")
    void nobodyHearsOfTheGrant() throws Exception {
        // The client gives up before the backend does, and so sees no answer that comes later.
        KeyedLocker<Object> deaf = locker(backend(redis.client(Duration.ofSeconds(1)), HOUR, Duration.ofSeconds(10)));
        RedisProcess.until(() -> works(deaf));
        redis.standStill();
        assertThatThrownBy(() -> deaf.acquire("another")).isInstanceOf(LockBackendException.class);
        redis.goOn();
        holder.acquire("another", MINUTE).close();
        theKeyIsFreeForOthers();
    }

    private static boolean works(KeyedLocker<Object> locker) {
        try {
            locker.acquireAsync("other").join().close();
            return true;
        } catch (CompletionException e) {
            return false;
        }
    }

    @Test
    @DisplayName("a waiter in line outlives an outage that is shorter than the backend time-out")
    void shortOutage() throws Exception {
        RedisBackend backend = backend(redis.client(Duration.ofSeconds(10)), Duration.ofSeconds(6), HOUR);
        CompletableFuture<Permit> waits = inLine(backend);
        redis.stop();
        RedisProcess.until(() -> !backend.isAvailable());
        redis.start();
        RedisProcess.until(backend::isAvailable);
        assertThat(waits).isNotDone();
        held.close();
        waits.get(60, TimeUnit.SECONDS).close();
    }

    @Test
    @DisplayName("a beat of a closed locker that finds its client shut down does not say that Redis cannot be reached")
    void clientIsShutDownAfterTheLocker(CapturedOutput output) throws Exception {
        RedissonClient own = redis.client();
        RedisBackend backend = backend(own, HOUR, HOUR);
        KeyedLocker<Object> locker = locker(backend);
        // It has to be renewed, so that the closed locker goes on beating.
        Permit lease = locker.acquire("other");
        locker.close();
        own.shutdown(0, 5, TimeUnit.SECONDS);
        ReflectionTestUtils.invokeMethod(backend, "beat");
        assertThat(output).doesNotContain("cannot reach Redis");
        assertThat(backend.isAvailable()).isTrue();
        lease.close();
    }
}
