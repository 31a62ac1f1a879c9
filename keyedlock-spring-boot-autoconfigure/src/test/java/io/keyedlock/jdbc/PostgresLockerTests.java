// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import io.keyedlock.lease.LeaseStore;
import io.keyedlock.lease.LockersOnAStoreContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Lockers do on PostgreSQL what they do on other stores. */
class PostgresLockerTests extends LockersOnAStoreContract {

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
    protected LeaseStore create() {
        return database.store();
    }
}
