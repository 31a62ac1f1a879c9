// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Several JVMs on one PostgreSQL: what a locker promises across processes, also when one of them dies or stands still. */
@Timeout(180)
@Tag("processes") // more than a minute; run by .ci/run
class JdbcProcessesTests {

    private static final String NAME = "shared";

    private static final int KEYS = 20;

    /** Seconds of the hammer that are long for what a machine does to a process. */
    private static final int LONG = 30;

    /** Of lockers that see no outage. */
    private static final Duration PATIENT = Duration.ofMinutes(1);

    /** Of those that do: what a test waits for, and longer than an answer takes on a busy machine. */
    private static final Duration OUTAGE = Duration.ofSeconds(5);

    private JdbcDatabase database;
    private final List<JdbcWorkerProcess> workers = new ArrayList<>();
    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();
    private final List<String> lost = new CopyOnWriteArrayList<>();

    @BeforeEach
    void start() {
        database = JdbcDatabase.postgres();
        // So that the table is there.
        locker(PATIENT, PATIENT);
        database.template()
                .execute(
                        "CREATE TABLE WITNESS (NAME VARCHAR(9) PRIMARY KEY, INSIDE INT DEFAULT 0, SECTIONS INT DEFAULT 0,"
                                + " TOKEN BIGINT DEFAULT 0, CONTENT VARCHAR(9))");
        database.template().update("INSERT INTO WITNESS SELECT 'k' || I FROM GENERATE_SERIES(0, 19) AS I");
        database.template().update("INSERT INTO WITNESS VALUES ('k')");
    }

    @AfterEach
    void stop() throws InterruptedException {
        for (JdbcWorkerProcess worker : workers) {
            worker.kill();
        }
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
        database.close();
    }

    private JdbcWorkerProcess worker(int limit, Duration lease, String... what) throws IOException {
        JdbcWorkerProcess worker = new JdbcWorkerProcess(database.url(), NAME, limit, lease, what);
        workers.add(worker);
        return worker;
    }

    private KeyedLocker<Object> locker(Duration lease, Duration backendTimeout) {
        KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName(NAME);
        LeaseSettings own = LeaseSettings.defaults().withLeaseTime(lease).withBackendTimeout(backendTimeout);
        Leases created = Leases.create(database.store(), "test");
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
    private JdbcWorkerProcess hammering(int limit, int most, int seconds) throws IOException {
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
        for (JdbcWorkerProcess worker : workers) {
            assertThat(worker.says()).isEqualTo(JdbcWorker.HAS_ITS_SHARE);
        }
        for (JdbcWorkerProcess worker : workers) {
            worker.goOn();
        }
        long sections = 0;
        List<Long> shares = new ArrayList<>();
        for (JdbcWorkerProcess worker : workers) {
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
            long counted = database.template().queryForObject("SELECT SUM(SECTIONS) FROM WITNESS", Long.class);
            assertThat(counted).as("no update is lost").isEqualTo(sections);
        }
        JdbcDatabase.until(() -> database.leasesAndQueues().isEmpty());
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
        List<JdbcWorkerProcess> running = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            running.add(hammering(3, 5, 0));
        }
        for (JdbcWorkerProcess worker : running) {
            assertThat(worker.says()).isEqualTo(JdbcWorker.HAS_ITS_SHARE);
        }
        for (int i = 0; i < 3; i++) {
            JdbcWorkerProcess next = hammering(5, 5, 0);
            assertThat(next.says()).isEqualTo(JdbcWorker.HAS_ITS_SHARE);
            running.add(next);
            ends(running.remove(0));
        }
        for (JdbcWorkerProcess worker : running) {
            ends(worker);
        }
        JdbcDatabase.until(() -> database.leasesAndQueues().isEmpty());
    }

    private static void ends(JdbcWorkerProcess worker) throws IOException {
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
        JdbcWorkerProcess holder = worker(1, lease, "hold", "k");
        assertThat(holder.says()).startsWith("held ");
        holder.kill();

        List<Long> before = endOfLeaseAndNow();
        KeyedLocker<Object> locker = locker(lease, PATIENT);
        locker.acquire("k", Duration.ofMinutes(1)).close();
        assertThat(before.get(1)).as("now, while the lease was alive").isLessThan(before.get(0));
        assertThat(endOfLeaseAndNow().get(1)).as("when it was granted again").isGreaterThanOrEqualTo(before.get(0));
    }

    /** By the clock of the database, in microseconds. */
    private List<Long> endOfLeaseAndNow() {
        return database.template()
                .queryForObject(
                        "SELECT STATE, CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT) FROM KEYEDLOCK_KEY"
                                + " WHERE KEY_NAME = 's:k'",
                        (row, number) -> {
                            String[] lease = row.getString(1).split(" ", 6);
                            return List.of(lease[0].equals("lease") ? Long.parseLong(lease[4]) : 0, row.getLong(2));
                        });
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void storeRefusesAProcessThatStoodStillBeyondItsLease() throws Exception {
        Duration lease = Duration.ofSeconds(5);
        KeyedLocker<Object> locker = locker(lease, PATIENT);
        JdbcDatabase.until(() -> works(locker, "warm"));
        JdbcWorkerProcess holder = worker(1, lease, "hold", "k");
        long stale = Long.parseLong(holder.says().substring("held ".length()));
        holder.signal("STOP");

        Permit later = locker.acquire("k", Duration.ofMinutes(1));
        long token = later.fencingToken().orElseThrow();
        assertThat(token).isGreaterThan(stale);
        assertThat(JdbcWorker.store(database.template(), "k", token, "later")).isTrue();

        holder.signal("CONT");
        holder.goOn();
        assertThat(holder.says()).isEqualTo("refused");
        assertThat(holder.says()).isEqualTo("released");
        assertThat(database.template().queryForObject("SELECT CONTENT FROM WITNESS WHERE NAME = 'k'", String.class))
                .isEqualTo("later");
        later.close();
    }

    @Test
    void twoProcessesThatTakeTwoKeysInOppositeOrdersDoNotDeadlock() throws Exception {
        JdbcWorkerProcess one = worker(1, Duration.ofSeconds(30), "both", "200", "a", "b");
        JdbcWorkerProcess other = worker(1, Duration.ofSeconds(30), "both", "200", "b", "a");
        assertThat(one.says()).isEqualTo("200");
        assertThat(other.says()).isEqualTo("200");
    }

    @Test
    void aServerThatIsDownIsAClearErrorAndNothingIsGrantedTwiceWhenItIsBack() throws Exception {
        KeyedLocker<Object> one = locker(Duration.ofMinutes(1), OUTAGE);
        KeyedLocker<Object> other = locker(Duration.ofMinutes(1), OUTAGE);
        Permit held = one.acquire("k");
        database.whileDown(
                () -> assertThatThrownBy(() -> other.acquire("another")).isInstanceOf(LockBackendException.class));
        JdbcDatabase.until(() -> works(other, "another"));
        assertThat(other.tryAcquire("k")).as("the lease is alive").isEmpty();
        held.close();
        other.acquire("k", Duration.ofMinutes(1)).close();
        assertThat(lost).isEmpty();
    }

    /** A process that stands still in the middle of a transaction keeps a row locked until the database ends it. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void processesThatStandStillAnywhereDelayOthersForABoundedTime() throws Exception {
        KeyedLocker<Object> locker = locker(Duration.ofSeconds(5), PATIENT);
        for (int i = 0; i < 3; i++) {
            JdbcWorkerProcess busy = worker(1, Duration.ofSeconds(5), "hammer", "0", Integer.toString(KEYS), "1");
            assertThat(busy.says()).isEqualTo(JdbcWorker.HAS_ITS_SHARE);
            busy.signal("STOP");
        }
        for (int i = 0; i < KEYS; i++) {
            locker.acquire("k" + i, Duration.ofMinutes(1)).close();
        }
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
