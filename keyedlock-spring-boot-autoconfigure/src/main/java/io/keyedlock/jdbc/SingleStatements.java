// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import io.keyedlock.KeyText;
import io.keyedlock.lease.LeaseStore.Claim;
import io.keyedlock.lease.LeaseStore.Grant;
import io.keyedlock.lease.LeaseStore.Outcome;
import io.keyedlock.lease.LeaseStore.Requester;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * Acquires and releases a lease of a key for which nobody waits, by one statement and one round trip each, on PostgreSQL.
 *
 * <p>The statements read and write the text of a {@link KeyState}. Each changes a row only if the row says that the rules of a
 * store allow it. Otherwise it changes nothing, and a transaction has to decide.
 */
final class SingleStatements {

    /** Of more released claims, a transaction removes those that have expired. */
    private static final String FEW_RELEASED = "(released [^\n]*\n){0,8}$";

    private static final String NOBODY_WAITS = "^(lease [^\n]*\n)*" + FEW_RELEASED;

    /** The begin of an expression that is true with fewer leases than the limit; the highest number of leases follows. */
    private static final String FREE = "^(lease [^\n]*\n){0,";

    /** With a higher limit, the regular expression would become too large. */
    private static final int HIGHEST_LIMIT = 16;

    private final String acquire;
    private final String release;

    SingleStatements(String table, String now) {
        String token = "GREATEST(K.TOKEN + 1, EXCLUDED.TOKEN)";
        // The token of the row that would be inserted is the present time.
        this.acquire = "INSERT INTO " + table + " AS K (ID, LOCK_NAME, KEY_NAME, TOKEN, STATE, LAST_DAY)"
                + " SELECT ?, ?, ?, P.NOW, ? || P.NOW || ' ' || P.NOW + ? || ?, (P.NOW + ?) / " + JdbcTable.DAY_MICROS
                + " FROM (SELECT " + now + " AS NOW) P"
                + " ON CONFLICT (ID) DO UPDATE SET TOKEN = " + token
                + ", STATE = ? || " + token + " || ' ' || EXCLUDED.TOKEN + ? || ? || K.STATE"
                + ", LAST_DAY = GREATEST(K.LAST_DAY, EXCLUDED.LAST_DAY)"
                + " WHERE K.STATE ~ ? AND POSITION(? IN K.STATE) = 0"
                + " AND COALESCE(CAST(SUBSTRING(K.STATE FROM ?) AS BIGINT), -1) < ?"
                + " RETURNING TOKEN, STATE, " + now + "; COMMIT";
        this.release = "UPDATE " + table + " SET STATE ="
                + " REGEXP_REPLACE(SUBSTRING(STATE FROM POSITION(CHR(10) IN STATE) + 1), ?, '')"
                + " || ? || GREATEST(?, CAST(SUBSTRING(STATE FROM ?) AS BIGINT)) || ' ' || " + now + " + ? || CHR(10)"
                + ", LAST_DAY = GREATEST(LAST_DAY, (" + now + " + ?) / " + JdbcTable.DAY_MICROS + ")"
                + " WHERE ID = ? AND STATE ~ ?"
                + " AND CASE WHEN POSITION(? IN STATE) = 1 THEN CAST(SPLIT_PART(STATE, ' ', 5) AS BIGINT) > " + now
                + " ELSE FALSE END; COMMIT";
    }

    /** Acquires a lease of a key that is new, or has fewer leases than the limit and no waiters. Returns null if it is not so. */
    @Nullable
    Grant acquire(Connection connection, String id, Claim claim) throws SQLException {
        Requester requester = claim.requester();
        if (requester.limit() > HIGHEST_LIMIT) {
            return null;
        }
        String before = "lease " + claim.id() + " " + requester.limit() + " ";
        String after = " " + KeyState.owner(requester) + "\n";
        long leaseTime = KeyState.micros(requester.leaseTime());
        try (PreparedStatement statement = connection.prepareStatement(acquire)) {
            statement.setString(1, id);
            statement.setString(2, KeyText.inLine(requester.lock()));
            statement.setString(3, KeyText.inLine(claim.key()));
            statement.setString(4, before);
            statement.setLong(5, leaseTime);
            statement.setString(6, after);
            statement.setLong(7, leaseTime);
            statement.setString(8, before);
            statement.setLong(9, leaseTime);
            statement.setString(10, after);
            statement.setString(11, FREE + (requester.limit() - 1) + "}" + FEW_RELEASED);
            statement.setString(12, "lease " + claim.id() + " ");
            statement.setString(13, releasedNumber(requester));
            statement.setLong(14, claim.number());
            statement.execute();
            try (ResultSet granted = statement.getResultSet()) {
                if (!granted.next()) {
                    return null;
                }
                long token = granted.getLong(1);
                KeyState state = new KeyState(token, granted.getString(2));
                // The statement keeps leases that have expired.
                return new Grant(Outcome.GRANTED, token, state.otherLimit(requester, granted.getLong(3)));
            }
        }
    }

    /**
     * Releases the last lease that was granted.
     *
     * @return true, or null if the claim does not hold it or if claims wait
     */
    @Nullable
    Boolean release(Connection connection, String id, Claim claim) throws SQLException {
        Requester requester = claim.requester();
        long tombstoneTime = KeyState.micros(requester.tombstoneTime());
        try (PreparedStatement statement = connection.prepareStatement(release)) {
            statement.setString(1, "released " + quoted(requester.id()) + " [^\n]*\n");
            statement.setString(2, "released " + requester.id() + " ");
            statement.setLong(3, claim.number());
            statement.setString(4, releasedNumber(requester));
            statement.setLong(5, tombstoneTime);
            statement.setLong(6, tombstoneTime);
            statement.setString(7, id);
            statement.setString(8, NOBODY_WAITS);
            statement.setString(9, "lease " + claim.id() + " ");
            return statement.executeUpdate() == 1 ? true : null;
        }
    }

    private static String releasedNumber(Requester requester) {
        return "released " + quoted(requester.id()) + " ([0-9]+) ";
    }

    /** Returns a regular expression that matches an id. */
    private static String quoted(String id) {
        return id.replaceAll("[^A-Za-z0-9]", "\\\\$0");
    }
}
