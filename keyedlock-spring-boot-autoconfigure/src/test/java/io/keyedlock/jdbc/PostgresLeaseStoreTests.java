// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The store keeps the rules of a store on PostgreSQL. */
class PostgresLeaseStoreTests extends JdbcStoreContract {

    private static JdbcDatabase database;

    @BeforeAll
    static void start() {
        database = JdbcDatabase.postgres();
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
