// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseStore;
import io.keyedlock.lease.LockersOnAStoreContract;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/** Lockers do on PostgreSQL what they do on other stores. */
class PostgresLockerTests extends LockersOnAStoreContract {

    private static JdbcDatabase database;

    @BeforeAll
    static void start() {
        database = JdbcDatabase.postgres();
    }

    @AfterAll
    static void stop() {
        database.close();
    }

    @Override
    protected LeaseStore create() {
        return database.store();
    }

    private Stream<String> state(String keyName) {
        return database
                .template()
                .queryForList(
                        "SELECT STATE FROM KEYEDLOCK_KEY WHERE LOCK_NAME = ? AND KEY_NAME = ?",
                        String.class,
                        lock,
                        keyName)
                .stream()
                .flatMap(String::lines);
    }

    @Override
    protected long waiters(String keyName) {
        return state(keyName).filter(line -> line.startsWith("waits ")).count();
    }

    @Override
    protected boolean isHeld(String keyName) {
        return state(keyName).anyMatch(line -> line.startsWith("lease "));
    }

    /** In microseconds. */
    @Override
    protected long endOfLease(String keyName) {
        return state(keyName)
                .filter(line -> line.startsWith("lease "))
                .mapToLong(line -> Long.parseLong(line.split(" ", 6)[4]))
                .findFirst()
                .orElseThrow();
    }

    @Override
    protected void loseLease(String keyName) {
        database.template()
                .update("UPDATE KEYEDLOCK_KEY SET STATE = '' WHERE LOCK_NAME = ? AND KEY_NAME = ?", lock, keyName);
    }

    @Override
    protected boolean isEmpty() {
        return database.leasesAndQueues().isEmpty();
    }

    @Override
    protected void checkWhatRemains() {
        assertThat(database.template()
                        .queryForObject("SELECT MIN(TOKEN) FROM KEYEDLOCK_KEY WHERE LOCK_NAME = ?", Long.class, lock))
                .isPositive();
    }

    @Test
    @ExtendWith(OutputCaptureExtension.class)
    void withoutTheRightToNotifyTurnsAreFoundByQueries(CapturedOutput output) throws Exception {
        locker(database.store()).acquire("k", Duration.ofMinutes(1)).close();
        database.template().execute("REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM PUBLIC");
        database.template().execute("CREATE ROLE app LOGIN");
        database.template().execute("GRANT SELECT, INSERT, UPDATE, DELETE ON KEYEDLOCK_KEY TO app");
        DataSource source = new DriverManagerDataSource(database.url().replaceAll("\\?.*", ""), "app", "");
        KeyedLocker<Object> one = locker(JdbcDatabase.store(source));
        CompletableFuture<Permit> waits;
        try (Permit held = one.acquire("k", Duration.ofMinutes(1))) {
            waits = locker(JdbcDatabase.store(source)).acquireAsync("k", Duration.ofMinutes(1));
            JdbcDatabase.until(() -> waiters("s:k") == 1);
            assertThat(held.isValid()).isTrue();
        }
        waits.get(20, TimeUnit.SECONDS).close();
        assertThat(output).contains("Grant the user the right EXECUTE on the function pg_notify");
    }

    /** The database has prepared the statements of the connection by then. */
    @Test
    void statementsDoNotDependOnTheLocale() throws Exception {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
        try {
            locker(database.store()).acquire("k", Duration.ofMinutes(1)).close();
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void tableIsAlteredWhileItIsUsed() throws Exception {
        KeyedLocker<Object> locker = locker(database.store());
        for (int i = 0; i < 10; i++) {
            locker.acquire("k", Duration.ofMinutes(1)).close();
        }
        database.template().execute("ALTER TABLE KEYEDLOCK_KEY ALTER COLUMN STATE TYPE VARCHAR(1000000)");
        locker.acquire("k", Duration.ofMinutes(1)).close();
    }

    /** Each caller holds a connection of its application while it waits, so that none is left. */
    @Test
    void callersThatExhaustThePoolMakeProgress() throws Exception {
        List<Thread> callers = new ArrayList<>();
        LongAdder sections = new LongAdder();
        for (int application = 0; application < 2; application++) {
            HikariDataSource pool = database.pool(4);
            KeyedLocker<Object> locker = locker(JdbcDatabase.store(pool));
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
