// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * An open connection of a store. When it is closed, a connection of the application's pool has the settings again that it had; a
 * connection that failed is abandoned, so that no pool hands it out again.
 *
 * <p>Used by one thread at a time.
 */
final class JdbcSession implements AutoCloseable {

    /** Longer than a session waits for a lock. Then the connection is believed to be cut. */
    private static final int NETWORK_TIMEOUT_MILLIS = 10_000;

    /** How long a connection may be unused until it is tested before its next use. */
    private static final long TESTED_AFTER_NANOS = TimeUnit.SECONDS.toNanos(5);

    private static final int TEST_SECONDS = 1;

    /** How long a connection may be unused until it is closed: less than servers and networks allow. */
    private static final long LONGEST_IDLE_NANOS = TimeUnit.MINUTES.toNanos(1);

    /** How long a connection is used, so that it returns to its pool and a changed address is found. */
    private static final long LONGEST_LIFE_NANOS = TimeUnit.MINUTES.toNanos(10);

    private interface Restoration {
        void run() throws SQLException;
    }

    private final Connection connection;
    private final boolean isShared;
    private final Consumer<Connection> eviction;
    private final long openedAt;

    /** What restores the settings of a shared connection, the last change first. */
    private final Deque<Restoration> changed = new ArrayDeque<>();

    private long usedAt;
    private boolean isClosed;

    /**
     * Creates a session.
     *
     * @param isShared whether others use the connection afterwards
     * @param eviction removes a connection from its pool
     */
    JdbcSession(Connection connection, boolean isShared, Consumer<Connection> eviction, long now) {
        this.connection = connection;
        this.isShared = isShared;
        this.eviction = eviction;
        this.openedAt = now;
        this.usedAt = now;
    }

    Connection connection() {
        return connection;
    }

    /** Changes the settings to those of a store, with auto-commit. */
    void prepare(JdbcPlatform platform) throws SQLException {
        boolean autoCommit = connection.getAutoCommit();
        connection.setAutoCommit(true);
        changed.push(() -> connection.setAutoCommit(autoCommit));
        int isolation = connection.getTransactionIsolation();
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        changed.push(() -> connection.setTransactionIsolation(isolation));
        limitAnswers();
        if (isShared) {
            String before = platform.readSettings(connection);
            changed.push(() -> execute(before));
        }
        execute(platform.settings);
    }

    /** Has the driver give up a connection on which nothing arrives any more. */
    private void limitAnswers() {
        try {
            int timeout = connection.getNetworkTimeout();
            connection.setNetworkTimeout(Runnable::run, NETWORK_TIMEOUT_MILLIS);
            changed.push(() -> connection.setNetworkTimeout(Runnable::run, timeout));
        } catch (SQLException | RuntimeException | AbstractMethodError e) {
            // The driver does not support it.
        }
    }

    private void execute(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    // ---- age

    void used(long now) {
        usedAt = now;
    }

    /** Returns whether the connection is so old that another one should be opened. */
    boolean isOld(long now) {
        return now - usedAt > LONGEST_IDLE_NANOS || now - openedAt > LONGEST_LIFE_NANOS;
    }

    /** Tests the connection if it was unused for some time, as the server or the network may have closed it meanwhile. */
    boolean isAlive(long now) {
        if (now - usedAt <= TESTED_AFTER_NANOS) {
            return true;
        }
        try {
            return connection.isValid(TEST_SECONDS);
        } catch (SQLException | RuntimeException e) {
            return false;
        }
    }

    // ---- end

    /** Ends a transaction without its changes. Returns false if that failed. */
    boolean rollback() {
        try {
            connection.rollback();
            return true;
        } catch (SQLException | RuntimeException e) {
            return false;
        }
    }

    /** Closes the session after a failure. Abandons it and returns true if another connection may succeed. */
    boolean closeAfter(SQLException failure) {
        boolean isOutage = JdbcFailures.isOutage(failure)
                || JdbcFailures.isStale(failure)
                || (!JdbcFailures.isLocked(failure) && isBroken());
        if (isOutage) {
            abandon();
        } else {
            close();
        }
        return isOutage;
    }

    private boolean isBroken() {
        try {
            return connection.isClosed();
        } catch (SQLException | RuntimeException e) {
            return true;
        }
    }

    /** Closes the session such that no pool hands its connection out again. */
    void abandon() {
        if (!isClosed) {
            isClosed = true;
            try {
                eviction.accept(connection);
            } catch (RuntimeException | AbstractMethodError e) {
                // Closing it has to be enough.
            }
            closeConnection();
        }
    }

    /** Returns the connection to its pool, if it is of one. */
    @Override
    public void close() {
        if (isClosed) {
            return;
        }
        if (isShared) {
            try {
                restore();
            } catch (SQLException | RuntimeException e) {
                abandon();
                return;
            }
        }
        isClosed = true;
        closeConnection();
    }

    /** Restores the settings in the reverse order of their changes. */
    private void restore() throws SQLException {
        if (!connection.getAutoCommit()) {
            connection.rollback();
            connection.setAutoCommit(true);
        }
        while (!changed.isEmpty()) {
            changed.pop().run();
        }
    }

    private void closeConnection() {
        try {
            connection.close();
        } catch (SQLException | RuntimeException e) {
            // It was broken.
        }
    }
}
