// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.load;

import java.sql.Connection;
import java.util.Objects;
import javax.sql.DataSource;
import org.springframework.jdbc.support.DatabaseMetaDataCallback;
import org.springframework.jdbc.support.JdbcUtils;
import org.springframework.jdbc.support.MetaDataAccessException;
import org.springframework.stereotype.Component;

/** The description of the current database. */
@Component
class Database {

    static final String SERIALIZABLE = "SERIALIZABLE";

    private final DataSource dataSource;

    Database(DataSource dataSource) {
        this.dataSource = dataSource;
    }

    /** Returns its product, version and isolation level. */
    String description() {
        return query(about -> about.getDatabaseProductName() + " "
                + about.getDatabaseProductVersion().split(" ", 2)[0] + " at "
                + isolation(about.getConnection().getTransactionIsolation()));
    }

    /** Returns the isolation level of its transactions. */
    String isolation() {
        return query(about -> isolation(about.getConnection().getTransactionIsolation()));
    }

    private String query(DatabaseMetaDataCallback<String> question) {
        try {
            return Objects.requireNonNull(JdbcUtils.extractDatabaseMetaData(dataSource, question));
        } catch (MetaDataAccessException failure) {
            throw new IllegalStateException("The metadata of the database could not be read", failure);
        }
    }

    private static String isolation(int level) {
        return switch (level) {
            case Connection.TRANSACTION_READ_COMMITTED -> "READ COMMITTED";
            case Connection.TRANSACTION_REPEATABLE_READ -> "REPEATABLE READ";
            case Connection.TRANSACTION_SERIALIZABLE -> SERIALIZABLE;
            default -> "isolation level " + level;
        };
    }
}
