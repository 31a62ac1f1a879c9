// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import java.sql.SQLException;

/**
 * Thrown if a {@link JdbcLeaseStore} cannot use its database until somebody changes its setup: the kind of database is not
 * supported, the user is refused or lacks a right, or the table is missing or not as expected.
 *
 * @since 0.1.0
 */
public final class JdbcSetupException extends SQLException {

    private static final long serialVersionUID = 1L;

    private final String action;

    JdbcSetupException(String problem, String action, SQLException cause) {
        super(problem + ". " + action, cause.getSQLState(), cause);
        this.action = action;
    }

    /**
     * Returns what to do.
     *
     * @return one or more sentences, which end the message too
     */
    public String getAction() {
        return action;
    }
}
