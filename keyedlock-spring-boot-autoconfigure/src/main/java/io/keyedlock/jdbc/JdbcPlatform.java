// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Statement;
import java.util.Locale;

/**
 * A kind of database: what its SQL has of its own.
 *
 * <p>Sessions wait two seconds for the lock of a table or row, so that a migration is reported soon. Where the database can do it, a
 * transaction is ended when its process has stood still for a second, which is less: else the row of a key would stay locked.
 */
enum JdbcPlatform {
    POSTGRESQL(
            "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
            "INSERT INTO %s ON CONFLICT DO NOTHING",
            "SET lock_timeout = '2s'; SET idle_in_transaction_session_timeout = '1s'",
            "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')",
            "SET lock_timeout = '%s'; SET idle_in_transaction_session_timeout = '%s'"),

    MYSQL(
            "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))",
            "INSERT IGNORE INTO %s",
            "SET SESSION innodb_lock_wait_timeout = 2, SESSION lock_wait_timeout = 2, SESSION wait_timeout = 60",
            "SELECT @@SESSION.innodb_lock_wait_timeout, @@SESSION.lock_wait_timeout, @@SESSION.wait_timeout",
            "SET SESSION innodb_lock_wait_timeout = %s, SESSION lock_wait_timeout = %s, SESSION wait_timeout = %s"),

    MARIADB(
            MYSQL.now,
            MYSQL.insert,
            "SET SESSION innodb_lock_wait_timeout = 2, SESSION lock_wait_timeout = 2, SESSION idle_transaction_timeout = 1",
            MYSQL.read.replace(".wait_timeout", ".idle_transaction_timeout"),
            MYSQL.restore.replace(" wait_timeout", " idle_transaction_timeout")),

    H2(
            "CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000000 AS BIGINT)",
            "INSERT INTO %s",
            "SET LOCK_TIMEOUT 2000",
            "SELECT LOCK_TIMEOUT()",
            "SET LOCK_TIMEOUT %s");

    /** The expression of the present time in microseconds since 1970. */
    final String now;

    /** An INSERT that may meet a row of another process, and then changes nothing or fails. */
    final String insert;

    /** Gives a session the settings of a store. */
    final String settings;

    /** Reads the settings that this changes. */
    private final String read;

    /** Gives a session what was read. */
    private final String restore;

    JdbcPlatform(String now, String insert, String settings, String read, String restore) {
        this.now = now;
        this.insert = insert;
        this.settings = settings;
        this.read = read;
        this.restore = restore;
    }

    /** Returns the command that gives a session the settings that it has now. */
    String readSettings(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery(read)) {
            found.next();
            Object[] before = new Object[found.getMetaData().getColumnCount()];
            for (int i = 0; i < before.length; i++) {
                before[i] = found.getString(i + 1);
            }
            return String.format(restore, before);
        }
    }

    /** Returns the path of the script that creates the table, on the class path. */
    String script() {
        String name = this == MARIADB ? MYSQL.name() : name();
        return "io/keyedlock/jdbc/schema-" + name.toLowerCase(Locale.ROOT) + ".sql";
    }

    /** Returns the platform of a name in the configuration. */
    static JdbcPlatform of(String name) {
        for (JdbcPlatform platform : values()) {
            if (platform.name().equalsIgnoreCase(name.strip())) {
                return platform;
            }
        }
        throw new IllegalArgumentException("keyedlock.jdbc.platform is '" + name
                + "', which is not known. Write 'postgresql', 'mysql'," + " 'mariadb' or 'h2'.");
    }

    /** Returns the platform of a database. */
    static JdbcPlatform of(Connection connection) throws SQLException {
        String product = connection.getMetaData().getDatabaseProductName();
        for (JdbcPlatform platform : values()) {
            if (platform.name().equalsIgnoreCase(product)) {
                // Drivers of MySQL say 'MySQL' of a MariaDB server.
                return platform == MYSQL
                                && connection
                                        .getMetaData()
                                        .getDatabaseProductVersion()
                                        .contains("MariaDB")
                        ? MARIADB
                        : platform;
            }
        }
        throw new JdbcSetupException(
                "Leases cannot be stored in '" + product + "'",
                "Use PostgreSQL, MySQL, MariaDB or H2, by another DataSource with @KeyedLockDataSource if need be; for a"
                        + " database that speaks the SQL of one of them, set keyedlock.jdbc.platform.",
                new SQLFeatureNotSupportedException(product));
    }
}
