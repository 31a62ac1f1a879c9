// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import java.sql.SQLException;
import org.jspecify.annotations.Nullable;
import org.springframework.dao.ConcurrencyFailureException;

/** Distinguishes conflicts with a concurrent transaction, which can be retried, from other failures. */
final class Conflicts {

    private Conflicts() {}

    /**
     * Returns whether a failure is a conflict: a row of another version, a serialization failure or deadlock (SQLSTATE class
     * 40), or two transactions that both stored the first event of an address (SQLSTATE 23505).
     */
    static boolean isConflict(@Nullable Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ConcurrencyFailureException) {
                return true;
            }
            if (cause instanceof SQLException sql && sql.getSQLState() != null) {
                String state = sql.getSQLState();
                if (state.startsWith("40") || state.equals("23505")) {
                    return true;
                }
            }
        }
        return false;
    }
}
