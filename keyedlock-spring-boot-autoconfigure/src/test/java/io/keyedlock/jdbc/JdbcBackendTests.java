// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.zaxxer.hikari.HikariDataSource;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseBackend;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** Two lockers of one name on one PostgreSQL, as in two processes. */
@ExtendWith(OutputCaptureExtension.class)
class JdbcBackendTests {

    /** No answer is too late on a busy machine. */
    private static final LeaseSettings PATIENT = LeaseSettings.defaults().withBackendTimeout(Duration.ofMinutes(1));

    /** Beats of four seconds, for what has to wait for one. */
    private static final LeaseSettings BEATING = PATIENT.withLeaseTime(Duration.ofSeconds(12));

    /** Beats of a quarter of an hour. */
    private static final LeaseSettings SLOW =
            PATIENT.withLeaseTime(Duration.ofHours(1)).withBackendTimeout(Duration.ofMinutes(30));

    private static JdbcDatabase database;

    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();
    private final List<String> events = new CopyOnWriteArrayList<>();
    private String name;

    @BeforeAll
    static void start() {
        database = JdbcDatabase.postgres();
    }

    @AfterAll
    static void stop() {
        database.close();
    }

    @org.junit.jupiter.api.BeforeEach
    void name(TestInfo test) {
        name = test.getTestMethod().orElseThrow().getName();
    }

    @AfterEach
    void nothingStaysButTheToken() {
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
        JdbcDatabase.until(() -> database.leasesAndQueues().isEmpty());
        assertThat(database.template()
                        .queryForObject("SELECT MIN(TOKEN) FROM KEYEDLOCK_KEY WHERE LOCK_NAME = ?", Long.class, name))
                .isPositive();
    }

    private LeaseBackend backend(KeyedLockerSettings own, LeaseSettings settings) {
        Leases created = Leases.create(database.store(), "test");
        leases.add(created);
        return created.backend(own, settings);
    }

    private KeyedLocker<Object> locker(int limit, LeaseSettings settings) {
        KeyedLockerSettings own = KeyedLockerSettings.defaults().withName(name).withLimit(limit);
        return locker(backend(own, settings), own);
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

    private KeyedLocker<Object> locker() {
        return locker(1, PATIENT);
    }

    private static Permit now(CompletableFuture<Permit> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    private static long token(Permit permit) {
        return permit.fencingToken().orElseThrow();
    }

    @Test
    void aKeyIsHeldInOneProcessAtATimeAndOthersAreToldWhenItIsFree() throws Exception {
        KeyedLocker<Object> one = locker();
        KeyedLocker<Object> two = locker();
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
    void waitingNeedsNoBeat() throws Exception {
        // Only the message can end the wait.
        KeyedLocker<Object> one = locker(1, SLOW);
        KeyedLocker<Object> two = locker(1, SLOW);
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
        KeyedLocker<Object> one = locker(3, PATIENT);
        KeyedLocker<Object> two = locker(3, PATIENT);
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
                backend(KeyedLockerSettings.defaults().withName(name).withLimit(3), PATIENT);
        backend.connect();
        KeyedLocker<Object> one = locker(1, PATIENT);
        KeyedLocker<Object> three =
                locker(backend, KeyedLockerSettings.defaults().withName(name).withLimit(3));
        Permit held = now(one.acquireAsync("k"));
        Permit second = now(three.acquireAsync("k"));
        Permit third = now(three.acquireAsync("k"));
        assertThat(three.tryAcquire("k")).isEmpty();
        assertThat(one.tryAcquire("k")).isEmpty();
        assertThat(backend.otherLimit()).hasValue(1);
        JdbcDatabase.until(() ->
                output.toString().contains("Locker '" + name + "' has the limit 3 in this process and 1 in another"));
        List.of(held, second, third).forEach(Permit::close);
        one.acquire("k").close();
    }

    @Test
    void aLeaseIsHandedOffWithinItsWindowAndNotBeyond() throws Exception {
        KeyedLocker<Object> generous = locker(1, PATIENT.withHandoffWindow(Duration.ofHours(1)));
        List<CompletableFuture<Permit>> all = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            all.add(generous.acquireAsync("k"));
        }
        long token = token(now(all.get(0)));
        for (CompletableFuture<Permit> permit : all) {
            assertThat(token(now(permit))).isEqualTo(token);
            permit.join().close();
        }
        KeyedLocker<Object> strict = locker(1, PATIENT.withHandoffWindow(Duration.ZERO));
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
        KeyedLocker<Object> one = locker(1, strict);
        KeyedLocker<Object> two = locker(1, strict);
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

    private String state(Object key) {
        return database
                .template()
                .queryForList(
                        "SELECT STATE FROM KEYEDLOCK_KEY WHERE LOCK_NAME = ? AND KEY_NAME = ?", String.class, name, key)
                .stream()
                .findFirst()
                .orElse("");
    }

    /** Only the head of a process asks the database, and the process of the holder has none that does. */
    private void theOtherIsInLine() {
        JdbcDatabase.until(() -> state("s:k").contains("waits "));
    }

    private void loseLease() {
        database.template().update("UPDATE KEYEDLOCK_KEY SET STATE = '' WHERE LOCK_NAME = ?", name);
    }

    @Test
    void aWaiterThatLeavesLeavesTheQueueInTheDatabaseToo() throws Exception {
        KeyedLocker<Object> one = locker();
        KeyedLocker<Object> two = locker();
        Permit first = one.acquire("k");
        CompletableFuture<Permit> gone = two.acquireAsync("k");
        theOtherIsInLine();
        assertThat(gone.cancel(true)).isTrue();
        JdbcDatabase.until(() -> !state("s:k").contains("waits "));
        first.close();
        one.acquire("k").close();
    }

    @Test
    void leasesAreRenewedWhileTheyAreHeld() throws Exception {
        KeyedLocker<Object> one = locker(1, BEATING);
        KeyedLocker<Object> two = locker(1, BEATING);
        List<Permit> held = new ArrayList<>();
        List<Long> ends = new ArrayList<>();
        for (int i = 0; i < 250; i++) {
            held.add(one.acquire(i));
        }
        for (int i = 0; i < 250; i++) {
            ends.add(endOfLease(i));
        }
        JdbcDatabase.until(() -> IntStream.range(0, 250).allMatch(i -> endOfLease(i) > ends.get(i)));
        assertThat(two.tryAcquire(0)).isEmpty();
        assertThat(two.tryAcquire(249)).isEmpty();
        assertThat(events).isEmpty();
        held.forEach(Permit::close);
        two.acquire(0, Duration.ofSeconds(60)).close();
    }

    private long endOfLease(int key) {
        return Long.parseLong(state("int:" + key).split(" ", 6)[4]);
    }

    @Test
    void aLostLeaseIsReportedAndItsReleaseIsQuiet() throws Exception {
        KeyedLocker<Object> one = locker(1, BEATING);
        KeyedLocker<Object> two = locker();
        Permit held = one.acquire("k");
        long token = token(held);
        loseLease();
        JdbcDatabase.until(() -> events.contains("lost k"));
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
    void releaseIsInTheDatabaseByTheTimeTheLockerIsClosed() throws Exception {
        KeyedLocker<Object> other = locker();
        for (int i = 0; i < 10; i++) {
            KeyedLocker<Object> locker = locker();
            locker.acquire("k").close();
            locker.close();
            assertThat(state("s:k")).doesNotContain("lease ");
        }
        other.acquire("k").close();
    }

    @Test
    void aLossThatOnlyTheReleaseFindsIsReportedToo() throws Exception {
        KeyedLocker<Object> one = locker(1, SLOW);
        // Again, as a release whose answer takes long may have been sent twice, and tells no loss then.
        JdbcDatabase.until(() -> {
            Permit held = one.acquireAsync("k").join();
            loseLease();
            held.close();
            return events.contains("lost k");
        });
    }

    @Test
    void severalKeysInOppositeOrdersDoNotDeadlock() throws Exception {
        KeyedLocker<Object> one = locker();
        KeyedLocker<Object> two = locker();
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            all.add(one.acquireAllAsync(List.of("a", "b"), Duration.ofSeconds(60))
                    .thenAccept(Permit::close));
            all.add(two.acquireAllAsync(List.of("b", "a"), Duration.ofSeconds(60))
                    .thenAccept(Permit::close));
        }
        for (CompletableFuture<Void> one20 : all) {
            one20.get(60, TimeUnit.SECONDS);
        }
    }

    @Test
    void zeroWaitIsOneRemoteTry() throws Exception {
        KeyedLocker<Object> one = locker();
        KeyedLocker<Object> two = locker();
        Optional<Permit> first = one.tryAcquire("k");
        assertThat(first).isPresent();
        assertThatThrownBy(() -> two.acquire("k", Duration.ZERO)).isInstanceOf(LockTimeoutException.class);
        assertThat(catchThrowable(() -> two.acquireAsync("k", Duration.ZERO).get(60, TimeUnit.SECONDS)))
                .hasCauseInstanceOf(LockTimeoutException.class);
        assertThat(two.isActive("k")).isFalse();
        first.orElseThrow().close();
    }

    /** Each caller holds a connection of its application while it waits, so that none is left. */
    @Test
    void callersThatHaveEmptiedThePoolGetThrough() throws Exception {
        List<Thread> callers = new ArrayList<>();
        LongAdder sections = new LongAdder();
        for (int application = 0; application < 2; application++) {
            HikariDataSource pool = database.pool(4);
            KeyedLockerSettings own = KeyedLockerSettings.defaults().withName(name);
            Leases created = Leases.create(JdbcDatabase.store(pool), "test");
            leases.add(created);
            KeyedLocker<Object> locker = locker(created.backend(own, PATIENT), own);
            for (int i = 0; i < 100; i++) {
                Thread caller = new Thread(() -> {
                    try (Connection connection = pool.getConnection();
                            Permit permit = locker.acquire("k", Duration.ofMinutes(1))) {
                        assertThat(permit.isValid() && connection.isValid(10)).isTrue();
                        sections.increment();
                    } catch (SQLException | InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                });
                callers.add(caller);
            }
        }
        callers.forEach(Thread::start);
        for (Thread caller : callers) {
            caller.join(60_000);
        }
        assertThat(sections.sum()).isEqualTo(200);
    }
}
