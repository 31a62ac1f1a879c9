// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The store keeps the rules of a store on MariaDB, if one is running; {@code .ci/run 15-mariadb} starts one. */
@EnabledIfSystemProperty(named = "mariadb.url", matches = ".+")
class MariadbLeaseStoreTests extends JdbcStoreContract {

    private static JdbcDatabase database;

    @BeforeAll
    static void start() {
        database = JdbcDatabase.at(System.getProperty("mariadb.url"), "root");
    }

    @AfterAll
    static void stop() {
        database.close();
    }

    @Override
    JdbcDatabase database() {
        return database;
    }
}
