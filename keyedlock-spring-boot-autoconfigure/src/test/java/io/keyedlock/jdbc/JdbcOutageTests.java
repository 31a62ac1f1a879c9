// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.Permit;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.datasource.AbstractDataSource;

/** What a locker on PostgreSQL does while its database fails in some way, and afterwards. */
class JdbcOutageTests {

    private static final KeyedLockerSettings SETTINGS =
            KeyedLockerSettings.defaults().withName("outage");

    private static final Duration MINUTE = Duration.ofMinutes(1);

    private static JdbcDatabase database;

    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();

    @BeforeAll
    static void start() {
        database = JdbcDatabase.postgres();
    }

    @AfterAll
    static void stop() {
        database.close();
    }

    @AfterEach
    void close() {
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
        JdbcDatabase.until(JdbcOutageTests::isLeftEmpty);
    }

    /** The pool of the test may still have connections that the test has cut. */
    private static boolean isLeftEmpty() {
        try {
            return database.leasesAndQueues().isEmpty();
        } catch (DataAccessException e) {
            return false;
        }
    }

    private KeyedLocker<Object> locker(JdbcLeaseStore store, Duration timeout) {
        Leases created = Leases.create(store, "test");
        leases.add(created);
        LeaseSettings settings = LeaseSettings.defaults().withLeaseTime(MINUTE).withBackendTimeout(timeout);
        KeyedLocker<Object> locker = KeyedLocker.createOn(created.backend(SETTINGS, settings), SETTINGS);
        lockers.add(locker);
        return locker;
    }

    private KeyedLocker<Object> locker() {
        return locker(database.store(), MINUTE);
    }

    private static CompletableFuture<Permit> queue(KeyedLocker<Object> locker) {
        CompletableFuture<Permit> waits = locker.acquireAsync("k", MINUTE);
        JdbcDatabase.until(() -> database.leasesAndQueues().stream().anyMatch(state -> state.contains("waits ")));
        return waits;
    }

    private static boolean works(KeyedLocker<Object> locker) {
        try {
            locker.acquireAsync("other").join().close();
            return true;
        } catch (RuntimeException e) {
            return false;
        }
    }

    /** Connections that break at one of their statements, before or after the database has done it. */
    private static final class Cut extends AbstractDataSource {

        private final DataSource source = database.pool(3);
        private final boolean afterwards;

        /** How many statements and commits are left until one breaks the connection. */
        private final AtomicInteger left = new AtomicInteger(Integer.MAX_VALUE);

        private final AtomicInteger executed = new AtomicInteger();

        Cut(boolean afterwards) {
            this.afterwards = afterwards;
        }

        @Override
        public Connection getConnection() throws SQLException {
            Connection connection = source.getConnection();
            return (Connection) Proxy.newProxyInstance(
                    Cut.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) -> {
                        Object result = call(connection, connection, method, arguments);
                        return result instanceof PreparedStatement statement
                                ? Proxy.newProxyInstance(
                                        Cut.class.getClassLoader(),
                                        new Class<?>[] {PreparedStatement.class},
                                        (inner, call, with) -> call(connection, statement, call, with))
                                : result;
                    });
        }

        private Object call(Connection connection, Object target, java.lang.reflect.Method method, Object[] arguments)
                throws Throwable {
            if (method.getName().startsWith("execute")) {
                executed.incrementAndGet();
            }
            boolean counts =
                    method.getName().startsWith("execute") || method.getName().equals("commit");
            boolean cuts = counts && left.getAndDecrement() == 0;
            try {
                if (cuts && !afterwards) {
                    connection.abort(Runnable::run);
                }
                Object result = method.invoke(target, arguments);
                if (cuts) {
                    connection.abort(Runnable::run);
                    throw new SQLException("cut", "08006");
                }
                return result;
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        }

        @Override
        public Connection getConnection(String user, String password) throws SQLException {
            return getConnection();
        }
    }

    @ParameterizedTest
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    @DisplayName("a connection that is cut at any statement costs no call, and no key is held twice")
    void cutAtEachStatement(boolean afterwards, boolean byTransactions) throws Exception {
        Cut source = new Cut(afterwards);
        KeyedLocker<Object> locker = locker(JdbcDatabase.store(source), MINUTE);
        KeyedLocker<Object> other = locker();
        boolean reached = true;
        for (int statement = 0; reached; statement++) {
            locker.acquire("warm", MINUTE).close();
            JdbcDatabase.until(() -> locker.activeKeyCount() == 0);
            if (byTransactions) {
                prepareTransactions("k" + statement);
            }
            source.left.set(statement);
            Permit held = locker.acquire("k" + statement, MINUTE);
            assertThat(other.tryAcquire("k" + statement)).isEmpty();
            assertThat(held.isValid()).isTrue();
            held.close();
            other.acquire("k" + statement, MINUTE).close();
            // Nothing runs any more that counts but the call of a commit that came with the last statement.
            reached = source.left.get() < 0;
            source.left.set(Integer.MAX_VALUE);
            assertThat(reached || statement >= (byTransactions ? 5 : 3))
                    .as("statements of a section")
                    .isTrue();
        }
    }

    /** Inserts the row of a key whose state is too long for a single statement. */
    private static void prepareTransactions(String key) {
        String state = IntStream.range(0, 20)
                .mapToObj(i -> "released r" + i + " 1 " + Long.MAX_VALUE + "\n")
                .collect(Collectors.joining());
        String id = JdbcTable.id("outage", "s:" + key);
        database.template().update("DELETE FROM KEYEDLOCK_KEY WHERE ID = ?", id);
        database.template().update("INSERT INTO KEYEDLOCK_KEY VALUES (?, 'outage', 'k', 1, ?, 1)", id, state);
    }

    @Test
    @DisplayName("a section that nobody competes for takes two statements, for a new key too")
    void statementsOfASection() throws Exception {
        Cut source = new Cut(false);
        KeyedLocker<Object> locker = locker(JdbcDatabase.store(source), MINUTE);
        locker.acquire("first", MINUTE).close();
        JdbcDatabase.until(() -> database.leasesAndQueues().isEmpty());
        int before = source.executed.get();
        for (int section = 1; section <= 12; section++) {
            locker.acquire("new" + section / 4, MINUTE).close();
            JdbcDatabase.until(() -> database.leasesAndQueues().isEmpty());
            assertThat(source.executed).as("section %s", section).hasValue(before + 2 * section);
        }
    }

    @Test
    @DisplayName("a server that is restarted loses no lease and no waiter")
    void restart() throws Exception {
        KeyedLocker<Object> one = locker();
        KeyedLocker<Object> two = locker();
        KeyedLocker<Object> impatient = locker(database.store(), Duration.ofMillis(500));
        Permit held = one.acquire("k");
        CompletableFuture<Permit> waits = queue(two);
        database.whileDown(
                () -> assertThatThrownBy(() -> impatient.acquire("other")).isInstanceOf(LockBackendException.class));
        JdbcDatabase.until(() -> works(impatient));
        assertThat(held.isValid()).isTrue();
        assertThat(waits).isNotDone();
        held.close();
        waits.get(60, TimeUnit.SECONDS).close();
    }

    @Test
    @DisplayName("a database that is read-only is a clear error")
    void readOnly() {
        KeyedLocker<Object> locker = locker();
        assertThat(works(locker)).isTrue();
        readOnly(true);
        JdbcDatabase.until(() -> !works(locker));
        assertThatThrownBy(() -> locker.acquire("other"))
                .isInstanceOf(LockBackendException.class)
                .hasMessageContaining("read-only transaction");
        readOnly(false);
        JdbcDatabase.until(() -> works(locker));
    }

    private static void readOnly(boolean value) {
        database.template().execute((Connection connection) -> {
            try (var statement = connection.createStatement()) {
                statement.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE");
                statement.execute("ALTER SYSTEM SET default_transaction_read_only = " + value);
                statement.execute("SELECT pg_reload_conf()");
            }
            return null;
        });
    }

    @Test
    @DisplayName("a table that a migration has locked is a clear error, with the reason of the database")
    void lockedTable() throws Exception {
        KeyedLocker<Object> locker = locker();
        assertThat(works(locker)).isTrue();
        try (Connection migration = database.pool(1).getConnection()) {
            migration.setAutoCommit(false);
            migration.createStatement().execute("LOCK TABLE KEYEDLOCK_KEY IN ACCESS EXCLUSIVE MODE");
            assertThatThrownBy(() -> locker.acquire("other"))
                    .isInstanceOf(LockBackendException.class)
                    .hasMessageContaining("lock timeout");
            migration.rollback();
        }
        JdbcDatabase.until(() -> works(locker));
    }

    @Test
    @DisplayName("a row that somebody has locked disturbs no other key")
    void lockedRow() throws Exception {
        KeyedLocker<Object> locker = locker();
        assertThat(works(locker)).isTrue();
        try (Connection another = database.pool(1).getConnection()) {
            another.setAutoCommit(false);
            another.createStatement()
                    .executeQuery("SELECT * FROM KEYEDLOCK_KEY WHERE KEY_NAME = 's:other' FOR UPDATE")
                    .close();
            List<CompletableFuture<Permit>> all = new ArrayList<>(List.of(locker.acquireAsync("other")));
            for (int i = 0; i < 20; i++) {
                all.add(locker.acquireAsync("free" + i));
            }
            for (CompletableFuture<Permit> free : all.subList(1, all.size())) {
                free.get(60, TimeUnit.SECONDS).close();
            }
            assertThatThrownBy(() -> all.get(0).get(60, TimeUnit.SECONDS)).hasMessageContaining("lock timeout");
            another.rollback();
        }
    }

    @Test
    @DisplayName("a row that somebody has locked costs no other lease")
    void lockedRowOfALease() throws Exception {
        Leases created = Leases.create(database.store(), "test");
        leases.add(created);
        LeaseSettings settings = LeaseSettings.defaults().withLeaseTime(Duration.ofSeconds(9));
        KeyedLocker<Object> locker = KeyedLocker.createOn(created.backend(SETTINGS, settings), SETTINGS);
        lockers.add(locker);
        Permit stuck = locker.acquire("other", MINUTE);
        List<Permit> others = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            others.add(locker.acquire("free" + i, MINUTE));
        }
        try (Connection another = database.pool(1).getConnection()) {
            another.setAutoCommit(false);
            another.createStatement()
                    .executeQuery("SELECT * FROM KEYEDLOCK_KEY WHERE KEY_NAME = 's:other' FOR UPDATE")
                    .close();
            stuck.whenLost().toCompletableFuture().get(60, TimeUnit.SECONDS);
            another.rollback();
        }
        assertThat(others).allMatch(Permit::isValid);
        others.forEach(Permit::close);
        stuck.close();
    }

    @Test
    @DisplayName("a statement_timeout ends calls, not the store")
    void statementTimeout() throws Exception {
        database.template().execute("ALTER ROLE postgres SET statement_timeout = '300ms'");
        try (Connection another = database.pool(1).getConnection()) {
            KeyedLocker<Object> locker = locker();
            JdbcDatabase.until(() -> works(locker));
            another.setAutoCommit(false);
            another.createStatement()
                    .executeQuery("SELECT * FROM KEYEDLOCK_KEY WHERE KEY_NAME = 's:other' FOR UPDATE")
                    .close();
            assertThatThrownBy(() -> locker.acquire("other"))
                    .isInstanceOf(LockBackendException.class)
                    .hasMessageContaining("statement timeout");
            another.rollback();
            JdbcDatabase.until(() -> works(locker));
        } finally {
            database.template().execute("ALTER ROLE postgres RESET statement_timeout");
        }
    }

    @Test
    @DisplayName("the connection on which turns are notified is made again")
    void listeningConnectionIsCut() throws Exception {
        KeyedLocker<Object> one = locker();
        KeyedLocker<Object> two = locker();
        Permit held = one.acquire("k");
        CompletableFuture<Permit> waits = queue(two);
        JdbcDatabase.until(() -> listening() == 1);
        database.template()
                .queryForList(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'",
                        Boolean.class);
        JdbcDatabase.until(() -> listening() == 1);
        held.close();
        waits.get(10, TimeUnit.SECONDS).close();
    }

    private static int listening() {
        return database.template()
                .queryForObject("SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'", Integer.class);
    }

    @Test
    @DisplayName("rows of keys that nobody has used for long are removed, others are not")
    void housekeeping() throws Exception {
        KeyedLocker<Object> locker = locker();
        locker.acquire("used").close();
        Permit held = locker.acquire("held");
        for (int i = 0; i < 250; i++) {
            database.template()
                    .update(
                            "INSERT INTO KEYEDLOCK_KEY VALUES (?, 'outage', 'old', 1, '', EXTRACT(EPOCH FROM NOW()) / 86400 - 40)",
                            "old" + i);
        }
        try (JdbcLeaseStore store = database.store()) {
            store.ping().toCompletableFuture().get(60, TimeUnit.SECONDS);
            JdbcDatabase.until(() -> database.template()
                            .queryForObject("SELECT COUNT(*) FROM KEYEDLOCK_KEY WHERE KEY_NAME = 'old'", Integer.class)
                    == 0);
        }
        assertThat(database.template()
                        .queryForList("SELECT KEY_NAME FROM KEYEDLOCK_KEY WHERE LOCK_NAME = 'outage'", String.class))
                .contains("s:held", "s:used");
        held.close();
    }
}
