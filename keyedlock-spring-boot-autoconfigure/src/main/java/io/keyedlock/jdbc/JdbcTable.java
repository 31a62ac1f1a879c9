// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import io.keyedlock.KeyText;
import io.keyedlock.lease.LeaseLog;
import io.keyedlock.lease.LeaseStore.Claim;
import io.keyedlock.lease.LeaseStore.Grant;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The table of keys, by the SQL of one platform.
 *
 * <p>A row is found by the hash of the names of locker and key, as keys may be longer than an index allows and collations would
 * make different keys equal. The names are in it for people, cut and without control characters.
 */
final class JdbcTable {

    private static final LeaseLog LOG = new LeaseLog(JdbcLeaseStore.class);

    static final long DAY_MICROS = TimeUnit.DAYS.toMicros(1);

    /** How many rows one transaction of {@link #removeOld} removes. */
    private static final int OLD_ROWS = 100;

    private final JdbcPlatform platform;
    private final String table;

    /** Whether waiters are notified. Becomes false when that is found to be denied. */
    private volatile boolean notifies;

    /** Null if the database has no such statements, or if the driver is not known to make two in one round trip. */
    private final @Nullable SingleStatements single;

    JdbcTable(JdbcPlatform platform, String table) {
        this.platform = platform;
        this.table = table;
        this.notifies = platform == JdbcPlatform.POSTGRESQL;
        this.single = JdbcTurns.notifies(platform) ? new SingleStatements(table, platform.now) : null;
    }

    JdbcPlatform platform() {
        return platform;
    }

    /**
     * The row of a key.
     *
     * @param token the last fencing token
     * @param state the text of a {@link KeyState}
     * @param lastDay the day of the last use since 1970, from which {@code token-retention} counts
     * @param readAt when it was read, by the clock of the database in microseconds
     */
    record Row(long token, String state, long lastDay, long readAt) {}

    /** What a row is to become. The names are those of a new row, and null for one that exists. */
    record Write(String id, @Nullable String lock, @Nullable String key, long token, String state, long lastDay) {}

    static long day(long micros) {
        return micros / DAY_MICROS;
    }

    static String id(String lock, String key) {
        try {
            byte[] names = (lock.length() + ":" + lock + key).getBytes(StandardCharsets.UTF_16BE);
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(names));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    // ---- calls about one key, made and committed by one statement. Null if that cannot decide

    @Nullable
    Grant acquire(Connection connection, String id, Claim claim) throws SQLException {
        return single == null ? null : single.acquire(connection, id, claim);
    }

    @Nullable
    Boolean release(Connection connection, String id, Claim claim) throws SQLException {
        return single == null ? null : single.release(connection, id, claim);
    }

    // ---- reading

    /** Locks rows in the order of their ids, so that transactions cannot block each other in a cycle, and reads them. */
    Map<String, Row> lock(Connection connection, SortedMap<String, ?> ids) throws SQLException {
        return select(connection, ids.keySet(), " ORDER BY ID FOR UPDATE");
    }

    /** Returns the ids of the given rows that other transactions have locked. */
    Set<String> locked(Connection connection, SortedSet<String> ids) throws SQLException {
        Set<String> locked = new HashSet<>(read(connection, ids).keySet());
        locked.removeAll(
                select(connection, ids, " ORDER BY ID FOR UPDATE SKIP LOCKED").keySet());
        return locked;
    }

    /** Reads rows without a lock. */
    Map<String, Row> read(Connection connection, Collection<String> ids) throws SQLException {
        return select(connection, ids, "");
    }

    private Map<String, Row> select(Connection connection, Collection<String> ids, String end) throws SQLException {
        String sql = "SELECT ID, TOKEN, STATE, LAST_DAY, " + platform.now + " FROM " + table + " WHERE ID IN ("
                + parameters(ids.size()) + ")" + end;
        try (PreparedStatement select = connection.prepareStatement(sql)) {
            bind(select, 1, ids);
            Map<String, Row> rows = new LinkedHashMap<>();
            try (ResultSet found = select.executeQuery()) {
                while (found.next()) {
                    rows.put(
                            found.getString(1),
                            new Row(found.getLong(2), found.getString(3), found.getLong(4), found.getLong(5)));
                }
            }
            return rows;
        }
    }

    /** Returns the time of the database in microseconds. */
    long now(Connection connection) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement("SELECT " + platform.now);
                ResultSet found = select.executeQuery()) {
            found.next();
            return found.getLong(1);
        }
    }

    /** Returns a number of parameters, rounded up so that there are few different statements. */
    private static String parameters(int count) {
        return String.join(",", Collections.nCopies(rounded(count), "?"));
    }

    private static int rounded(int count) {
        return count <= 1 ? 1 : Integer.highestOneBit(count - 1) << 1;
    }

    /** Sets parameters, the last value more than once if they were rounded up. Returns the index of the next one. */
    private static int bind(PreparedStatement statement, int first, Collection<String> values) throws SQLException {
        int index = first;
        String last = "";
        for (String value : values) {
            statement.setString(index++, value);
            last = value;
        }
        while (index < first + rounded(values.size())) {
            statement.setString(index++, last);
        }
        return index;
    }

    // ---- writing

    /**
     * Updates rows.
     *
     * @param isLast whether nothing follows in the transaction. Then it may be committed in the same round trip
     */
    void update(Connection connection, List<Write> writes, boolean isLast) throws SQLException {
        if (writes.isEmpty()) {
            return;
        }
        String sql = "UPDATE " + table + " SET TOKEN = ?, STATE = ?, LAST_DAY = ? WHERE ID = ?"
                + (isLast && writes.size() == 1 && JdbcTurns.notifies(platform) ? "; COMMIT" : "");
        try (PreparedStatement update = connection.prepareStatement(sql)) {
            for (Write write : writes) {
                update.setLong(1, write.token);
                update.setString(2, write.state);
                update.setLong(3, write.lastDay);
                update.setString(4, write.id);
                if (writes.size() == 1) {
                    update.executeUpdate();
                } else {
                    update.addBatch();
                }
            }
            if (writes.size() > 1) {
                update.executeBatch();
            }
        }
    }

    /**
     * Inserts rows in the order of their ids.
     *
     * @throws SQLException with {@link JdbcFailures#SERIALIZATION_FAILURE} or for a duplicate if another transaction has inserted one
     */
    void insert(Connection connection, List<Write> writes) throws SQLException {
        if (writes.isEmpty()) {
            return;
        }
        String row = table + " (ID, LOCK_NAME, KEY_NAME, TOKEN, STATE, LAST_DAY) VALUES (?, ?, ?, ?, ?, ?)";
        String sql = String.format(platform.insert, row);
        try (PreparedStatement insert = connection.prepareStatement(sql)) {
            for (Write write : writes) {
                insert.setString(1, write.id);
                insert.setString(2, KeyText.inLine(write.lock));
                insert.setString(3, KeyText.inLine(write.key));
                insert.setLong(4, write.token);
                insert.setString(5, write.state);
                insert.setLong(6, write.lastDay);
                // Not as a batch, whose counts some drivers do not know.
                if (insert.executeUpdate() == 0) {
                    throw new SQLException(
                            "another process has inserted the row of a key", JdbcFailures.SERIALIZATION_FAILURE);
                }
            }
        }
    }

    /** Checks that the table can be written to, and changes nothing. */
    void check(Connection connection) throws SQLException {
        try (PreparedStatement update =
                connection.prepareStatement("UPDATE " + table + " SET LAST_DAY = LAST_DAY WHERE ID = ''")) {
            update.executeUpdate();
        }
    }

    /**
     * Removes some rows of keys that were last used before a day.
     *
     * @return whether there may be more
     */
    boolean removeOld(Connection connection, long beforeDay) throws SQLException {
        List<String> ids = new ArrayList<>();
        try (PreparedStatement select = connection.prepareStatement(
                "SELECT ID FROM " + table + " WHERE LAST_DAY < ? ORDER BY LAST_DAY LIMIT " + OLD_ROWS)) {
            select.setLong(1, beforeDay);
            try (ResultSet found = select.executeQuery()) {
                while (found.next()) {
                    ids.add(found.getString(1));
                }
            }
        }
        if (ids.isEmpty()) {
            return false;
        }
        Collections.sort(ids);
        // A key that was used meanwhile has a later day.
        String sql = "DELETE FROM " + table + " WHERE LAST_DAY < ? AND ID IN (" + parameters(ids.size()) + ")";
        try (PreparedStatement delete = connection.prepareStatement(sql)) {
            delete.setLong(1, beforeDay);
            bind(delete, 2, ids);
            delete.executeUpdate();
        }
        return ids.size() == OLD_ROWS;
    }

    // ---- notifications, of PostgreSQL

    /** Notifies processes of offers when the transaction commits. */
    void notifyOf(Connection connection, List<String> claimIds) throws SQLException {
        if (!notifies || claimIds.isEmpty()) {
            return;
        }
        String calls = String.join(", ", Collections.nCopies(claimIds.size(), "pg_notify(?, ?)"));
        try (PreparedStatement select = connection.prepareStatement("SELECT " + calls)) {
            int index = 1;
            for (String claimId : claimIds) {
                select.setString(index++, channel(claimId.substring(0, claimId.indexOf('.'))));
                select.setString(index++, claimId);
            }
            select.execute();
        } catch (SQLException e) {
            if (!JdbcFailures.isDenied(e)) {
                throw e;
            }
            notifiesNoLonger(e.getMessage());
            throw new SQLException(e.getMessage(), JdbcFailures.SERIALIZATION_FAILURE, e);
        }
    }

    /** Returns whether the database notifies of turns. */
    boolean notifies() {
        return notifies;
    }

    /** Finds out whether the user may notify. */
    void checkNotifications(Connection connection) throws SQLException {
        if (notifies) {
            String select = "SELECT has_function_privilege('pg_catalog.pg_notify(text, text)', 'EXECUTE')";
            try (Statement statement = connection.createStatement();
                    ResultSet found = statement.executeQuery(select)) {
                if (!found.next() || !found.getBoolean(1)) {
                    notifiesNoLonger("permission denied");
                }
            } catch (SQLException e) {
                if (JdbcFailures.isTemporary(e)) {
                    throw e;
                }
                notifiesNoLonger(e.getMessage());
            }
        }
    }

    private synchronized void notifiesNoLonger(@Nullable String reason) {
        if (!notifies) {
            return;
        }
        notifies = false;
        LOG.warn(
                "The database does not let its user notify waiters of their turn (" + KeyText.inLine(reason)
                        + "). Waiters poll for it, which takes longer. Grant the user the right EXECUTE on the function"
                        + " pg_notify(text, text), and start the application again.",
                null);
    }

    /** Returns the channel of a process. Its id is not part of a statement, so quotes need no care. */
    static String channel(String process) {
        return "keyedlock_" + process;
    }
}
