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
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Several JVMs on one real Redis: what a locker promises across processes, also when one of them dies or stands still. */
@Timeout(180)
@Tag("processes") // more than a minute; run by .ci/run
class RedisProcessesTests {

    private static final String NAME = "shared";

    private static final int KEYS = 20;

    /** Seconds of the hammer that are long for what a machine does to a process. */
    private static final int LONG = 30;

    /** Of lockers that see no outage. */
    private static final Duration PATIENT = Duration.ofMinutes(1);

    /** Of those that do: what a test waits for, and longer than an answer takes on a busy machine. */
    private static final Duration OUTAGE = Duration.ofSeconds(5);

    private RedisProcess redis;
    private final List<RedisWorkerProcess> workers = new ArrayList<>();
    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();
    private final List<String> lost = new CopyOnWriteArrayList<>();

    @BeforeEach
    void start() {
        redis = new RedisProcess();
    }

    @AfterEach
    void stop() throws InterruptedException {
        for (RedisWorkerProcess worker : workers) {
            worker.kill();
        }
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
        redis.close();
    }

    private RedisWorkerProcess worker(int limit, Duration lease, String... what) throws IOException {
        RedisWorkerProcess worker = new RedisWorkerProcess(redis.port(), NAME, limit, lease, what);
        workers.add(worker);
        return worker;
    }

    private KeyedLocker<Object> locker(Duration lease, Duration backendTimeout) {
        KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName(NAME);
        LeaseSettings own = LeaseSettings.defaults().withLeaseTime(lease).withBackendTimeout(backendTimeout);
        Leases created = Leases.create(new RedisLeaseStore(redis.factory(), RedisLeaseStore.DEFAULT_PREFIX), "test");
        leases.add(created);
        LeaseBackend backend = created.backend(settings, own);
        // It connects with its first call.
        backend.connect();
        KeyedLocker<Object> locker = KeyedLocker.createOn(backend, settings);
        locker.addListener(new KeyedLockerListener() {
            @Override
            public void leaseLost(Object key) {
                lost.add(String.valueOf(key));
            }
        });
        lockers.add(locker);
        return locker;
    }

    /** A process that takes keys of which each has so many holders at most. */
    private RedisWorkerProcess hammering(int limit, int most, int seconds) throws IOException {
        return worker(
                limit,
                Duration.ofSeconds(30),
                "hammer",
                Integer.toString(seconds),
                Integer.toString(KEYS),
                Integer.toString(most));
    }

    private void hammer(int limit, int seconds) throws IOException {
        for (int i = 0; i < 3; i++) {
            hammering(limit, limit, seconds);
        }
        // Nobody ends before everybody has had a share, so that who comes last gets it beside the others.
        for (RedisWorkerProcess worker : workers) {
            assertThat(worker.says()).isEqualTo(RedisWorker.HAS_ITS_SHARE);
        }
        for (RedisWorkerProcess worker : workers) {
            worker.goOn();
        }
        long sections = 0;
        List<Long> shares = new ArrayList<>();
        for (RedisWorkerProcess worker : workers) {
            List<String> said = List.of(worker.says().split(" ", 2));
            assertThat(said.get(1))
                    .as("moments with more than the limit inside, and failed calls")
                    .isEqualTo("0 0");
            shares.add(Long.parseLong(said.get(0)));
            sections += Long.parseLong(said.get(0));
        }
        if (seconds == LONG) {
            // In less time, one process that the machine stops for a moment would have less.
            long all = sections;
            assertThat(shares).as("each process gets its share").allMatch(share -> share > all / 10);
        }
        if (limit == 1) {
            long counted = 0;
            for (int i = 0; i < KEYS; i++) {
                String one = redis.template().opsForValue().get(RedisWorker.witness(NAME, "count", "k" + i));
                counted += one == null ? 0 : Long.parseLong(one);
            }
            assertThat(counted).as("no update is lost").isEqualTo(sections);
        }
        RedisProcess.until(() -> redis.leasesAndQueues().isEmpty());
    }

    @Test
    void neverMoreThanTheLimitIsInside() throws Exception {
        hammer(1, 3);
    }

    @Test
    void neverMoreThanAHigherLimitIsInside() throws Exception {
        hammer(3, 3);
    }

    /** As a rolling deployment does it: one process after another is replaced by one with a higher limit. */
    @Test
    void aChangeOfTheLimitIsRolledOutWithoutAFailedCall() throws Exception {
        List<RedisWorkerProcess> running = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            running.add(hammering(3, 5, 0));
        }
        for (RedisWorkerProcess worker : running) {
            assertThat(worker.says()).isEqualTo(RedisWorker.HAS_ITS_SHARE);
        }
        for (int i = 0; i < 3; i++) {
            RedisWorkerProcess next = hammering(5, 5, 0);
            assertThat(next.says()).isEqualTo(RedisWorker.HAS_ITS_SHARE);
            running.add(next);
            ends(running.remove(0));
        }
        for (RedisWorkerProcess worker : running) {
            ends(worker);
        }
        RedisProcess.until(() -> redis.leasesAndQueues().isEmpty());
    }

    private static void ends(RedisWorkerProcess worker) throws IOException {
        worker.goOn();
        assertThat(worker.says())
                .as("sections, more than the limit inside, failed calls")
                .endsWith(" 0 0");
    }

    @Test
    @Tag("stress")
    void neverMoreThanTheLimitIsInsideForLong() throws Exception {
        hammer(1, LONG);
    }

    @Test
    @Tag("stress")
    void neverMoreThanAHigherLimitIsInsideForLong() throws Exception {
        hammer(3, LONG);
    }

    @Test
    void keyOfAProcessThatWasKilledIsFreeAfterTheLeaseAndNotBefore() throws Exception {
        Duration lease = Duration.ofSeconds(15);
        RedisWorkerProcess holder = worker(1, lease, "hold", "k");
        assertThat(holder.says()).startsWith("held ");
        // So that the client has its connection, and Redis the script.
        endOfLeaseAndNow();
        holder.kill();

        List<Long> before = endOfLeaseAndNow();
        KeyedLocker<Object> locker = locker(lease, PATIENT);
        locker.acquire("k", Duration.ofMinutes(1)).close();
        assertThat(before.get(1)).as("now, while the lease was alive").isLessThan(before.get(0));
        assertThat(endOfLeaseAndNow().get(1)).as("when it was granted again").isGreaterThanOrEqualTo(before.get(0));
    }

    /** By the clock of Redis, in milliseconds. */
    private List<Long> endOfLeaseAndNow() {
        String both = redis.template()
                .execute(
                        org.springframework.data.redis.core.script.RedisScript.of("""
                                local lease = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
                                local now = redis.call('TIME')
                                return string.format('%.0f %.0f', lease[2] or 0, now[1] * 1000 + math.floor(now[2] / 1000))
                                """, String.class),
                        List.of("keyedlock:v1:{" + NAME + "}:holders:s:k"));
        return Stream.of(both.split(" ", 2)).map(Long::parseLong).toList();
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void storeRefusesAProcessThatStoodStillBeyondItsLease() throws Exception {
        Duration lease = Duration.ofSeconds(5);
        KeyedLocker<Object> locker = locker(lease, PATIENT);
        RedisProcess.until(() -> works(locker, "warm"));
        RedisWorkerProcess holder = worker(1, lease, "hold", "k");
        long stale = Long.parseLong(holder.says().substring("held ".length()));
        holder.signal("STOP");

        Permit later = locker.acquire("k", Duration.ofMinutes(1));
        long token = later.fencingToken().orElseThrow();
        assertThat(token).isGreaterThan(stale);
        assertThat(RedisWorker.store(redis.template(), NAME, token, "later")).isTrue();

        holder.signal("CONT");
        holder.goOn();
        assertThat(holder.says()).isEqualTo("refused");
        assertThat(holder.says()).isEqualTo("released");
        assertThat(redis.template().opsForHash().get("store:" + NAME, "value")).isEqualTo("later");
        later.close();
    }

    @Test
    void twoProcessesThatTakeTwoKeysInOppositeOrdersDoNotDeadlock() throws Exception {
        RedisWorkerProcess one = worker(1, Duration.ofSeconds(30), "both", "200", "a", "b");
        RedisWorkerProcess other = worker(1, Duration.ofSeconds(30), "both", "200", "b", "a");
        assertThat(one.says()).isEqualTo("200");
        assertThat(other.says()).isEqualTo("200");
    }

    @Test
    void redisThatIsDownIsAClearErrorAndNothingIsGrantedTwiceWhenItComesBackWithItsData() throws Exception {
        KeyedLocker<Object> one = locker(Duration.ofMinutes(1), OUTAGE);
        KeyedLocker<Object> other = locker(Duration.ofMinutes(1), OUTAGE);
        Permit held = one.acquire("k");
        redis.stop();
        assertThatThrownBy(() -> other.acquire("another")).isInstanceOf(LockBackendException.class);
        assertThat(other.isActive("another")).isFalse();

        redis.start();
        RedisProcess.until(() -> works(other, "another"));
        assertThat(other.tryAcquire("k")).as("the lease is alive").isEmpty();
        held.close();
        other.acquire("k", Duration.ofMinutes(1)).close();
        assertThat(lost).isEmpty();
    }

    @Test
    void redisThatComesBackWithoutItsDataHasLostTheLeasesAndSaysSo() throws Exception {
        KeyedLocker<Object> one = locker(Duration.ofMinutes(1), OUTAGE);
        Permit held = one.acquire("k");
        long token = held.fencingToken().orElseThrow();
        redis.stop();
        redis.forgetEverything();
        redis.start();

        RedisProcess.until(() -> lost.contains("k"));
        KeyedLocker<Object> other = locker(Duration.ofMinutes(1), OUTAGE);
        Permit later = other.acquire("k", Duration.ofMinutes(1));
        assertThat(later.fencingToken().orElseThrow()).isGreaterThan(token);
        held.close();
        assertThat(one.activeKeyCount()).isZero();
        later.close();
    }

    private static boolean works(KeyedLocker<Object> locker, Object key) {
        try {
            locker.acquire(key, Duration.ofSeconds(10)).close();
            return true;
        } catch (LockBackendException e) {
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
