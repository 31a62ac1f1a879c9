// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.lease.LeaseStore;
import io.keyedlock.lease.ProcessesContract;
import io.keyedlock.lease.Worker;
import io.keyedlock.lease.WorkerProcess;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Several JVMs on one PostgreSQL. */
class JdbcProcessesTests extends ProcessesContract {

    private JdbcDatabase database;

    @BeforeEach
    void start() {
        database = JdbcDatabase.postgres();
        // So that the table is there.
        locker(PATIENT, PATIENT);
        database.template()
                .execute(
                        "CREATE TABLE WITNESS (NAME VARCHAR(9) PRIMARY KEY, INSIDE INT DEFAULT 0, SECTIONS INT DEFAULT 0,"
                                + " TOKEN BIGINT DEFAULT 0, CONTENT VARCHAR(9))");
        database.template().update("INSERT INTO WITNESS SELECT 'k' || I FROM GENERATE_SERIES(0, 19) AS I");
        database.template().update("INSERT INTO WITNESS VALUES ('k')");
    }

    @Override
    protected void stopServer() {
        database.close();
    }

    @Override
    protected LeaseStore create() {
        return database.store();
    }

    @Override
    protected Class<?> worker() {
        return JdbcWorker.class;
    }

    @Override
    protected String address() {
        return database.url();
    }

    @Override
    protected Worker.Witnesses witnesses() {
        return new JdbcWorker.InTable(database.template());
    }

    @Override
    protected long counted(String key) {
        return database.template().queryForObject("SELECT SECTIONS FROM WITNESS WHERE NAME = ?", Long.class, key);
    }

    @Override
    protected String stored() {
        return database.template().queryForObject("SELECT CONTENT FROM WITNESS WHERE NAME = 'k'", String.class);
    }

    /** In microseconds. */
    @Override
    protected List<Long> endOfLeaseAndNow() {
        return database.template()
                .queryForObject(
                        "SELECT STATE, CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT) FROM KEYEDLOCK_KEY"
                                + " WHERE KEY_NAME = 's:k'",
                        (row, number) -> {
                            String[] lease = row.getString(1).split(" ", 6);
                            return List.of(lease[0].equals("lease") ? Long.parseLong(lease[4]) : 0, row.getLong(2));
                        });
    }

    @Override
    protected boolean isEmpty() {
        return database.leasesAndQueues().isEmpty();
    }

    @Override
    protected void whileDown(Runnable task) throws Exception {
        database.whileDown(task);
    }

    /** A process that stands still in the middle of a transaction keeps a row locked until the database ends it. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void pausedProcessesDelayOthersForABoundedTime() throws Exception {
        KeyedLocker<Object> locker = locker(Duration.ofSeconds(5), PATIENT);
        for (int i = 0; i < 3; i++) {
            WorkerProcess busy = worker(1, Duration.ofSeconds(5), "hammer", "0", Integer.toString(KEYS), "1");
            assertThat(busy.says()).isEqualTo(Worker.HAS_ITS_SHARE);
            busy.signal("STOP");
        }
        for (int i = 0; i < KEYS; i++) {
            locker.acquire("k" + i, Duration.ofMinutes(1)).close();
        }
    }
}
