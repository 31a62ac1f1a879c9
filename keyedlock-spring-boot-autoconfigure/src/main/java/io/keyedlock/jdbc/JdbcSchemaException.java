// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import java.sql.SQLException;

/**
 * Thrown if the table of a {@link JdbcLeaseStore} is missing or not as expected. The message names the script that creates it.
 *
 * @since 0.1.0
 */
public final class JdbcSchemaException extends SQLException {

    private static final long serialVersionUID = 1L;

    JdbcSchemaException(String message, SQLException cause) {
        super(message, cause.getSQLState(), cause);
    }
}
