// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import java.sql.SQLException;
import java.util.Set;

/** Classifies the failures of databases, by their SQL states, and by their codes where a state tells too little. */
final class JdbcFailures {

    /** The state of a failure after which a transaction is repeated. */
    static final String SERIALIZATION_FAILURE = "40001";

    /** Deadlock, serialization failure, duplicate row. */
    private static final Set<String> REPEATED =
            Set.of(SERIALIZATION_FAILURE, "40P01", "40000", "41000", "23505", "23000", "90131");

    private static final int MYSQL_LOCK_WAIT_TIMEOUT = 1205;

    /** A user who has too many connections now. */
    private static final Set<Integer> MYSQL_TOO_MANY_CONNECTIONS = Set.of(1203, 1226);

    /** A table or row that stays locked: PostgreSQL, and H2. Also a statement that took too long. */
    private static final Set<String> LOCKED = Set.of("55P03", "HYT00", "57014");

    /** A plan with another result than before; an unknown prepared statement, and one that exists already. */
    private static final Set<String> STALE = Set.of("0A000", "26000", "42P05");

    /** A read-only server, in the three ways in which it says so, and sessions that the server ended. */
    private static final Set<Integer> MYSQL_OUTAGES = Set.of(1290, 1792, 1836, 1927, 4031);

    /** A missing right for a table, a column or a database. */
    private static final Set<Integer> MYSQL_DENIED = Set.of(1044, 1142, 1143);

    private JdbcFailures() {}

    /** Returns whether the transaction should be repeated. */
    static boolean isRepeated(SQLException failure) {
        // A lock that is not free within its timeout has one of the states, but would not be free the next time either.
        return failure.getErrorCode() != MYSQL_LOCK_WAIT_TIMEOUT && REPEATED.contains(state(failure));
    }

    /**
     * Returns whether a failure is one of the connection or the server, and not of a statement: also a server that is read-only
     * since a failover, for which a new connection may find another.
     */
    static boolean isOutage(SQLException failure) {
        String state = state(failure);
        return failure instanceof java.sql.SQLNonTransientConnectionException
                || failure instanceof java.sql.SQLTransientConnectionException
                || failure instanceof java.sql.SQLRecoverableException
                || state.startsWith("08")
                || state.startsWith("57P")
                || state.equals("25006")
                || state.equals("25P03")
                || state.startsWith("9006")
                || state.equals("90098")
                || state.equals("90121")
                || MYSQL_OUTAGES.contains(failure.getErrorCode());
    }

    /**
     * Returns whether a connection has prepared statements that the server no longer accepts, on PostgreSQL: since the table was
     * altered, or since a pooler has given the connection another session.
     */
    static boolean isStale(SQLException failure) {
        return STALE.contains(state(failure));
    }

    /** Returns whether the same call may succeed later although nobody changes the setup of the database. */
    static boolean isTemporary(SQLException failure) {
        return isOutage(failure)
                || isRepeated(failure)
                || isLocked(failure)
                || state(failure).startsWith("53")
                || MYSQL_TOO_MANY_CONNECTIONS.contains(failure.getErrorCode())
                || failure.getErrorCode() == MYSQL_LOCK_WAIT_TIMEOUT;
    }

    /** Returns whether somebody else has locked the row or the table for too long. A pool may close the connection then. */
    static boolean isLocked(SQLException failure) {
        return LOCKED.contains(state(failure));
    }

    /** Returns whether somebody else may have locked a row for too long. */
    static boolean isRowLocked(SQLException failure) {
        return isLocked(failure) || failure.getErrorCode() == MYSQL_LOCK_WAIT_TIMEOUT;
    }

    /** Returns whether a server that was reached refuses a connection: it does not know the user, the password, or the database. */
    static boolean isRefused(SQLException failure) {
        String state = state(failure);
        // A pool reports a wrong password as a temporary failure, with the state of its cause.
        return state.startsWith("28") || state.startsWith("3D") || (state.startsWith("42") && !isTemporary(failure));
    }

    /** Returns whether no driver accepts the address, which {@link java.sql.DriverManager} reports like a server that is down. */
    static boolean isWithoutDriver(SQLException failure) {
        return String.valueOf(failure.getMessage()).startsWith("No suitable");
    }

    /** Returns whether the user lacks a right. */
    static boolean isDenied(SQLException failure) {
        String state = state(failure);
        return state.equals("42501") || state.equals("90096") || MYSQL_DENIED.contains(failure.getErrorCode());
    }

    private static String state(SQLException failure) {
        return String.valueOf(failure.getSQLState());
    }
}
