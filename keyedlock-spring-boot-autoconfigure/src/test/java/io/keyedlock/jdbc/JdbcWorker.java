// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import io.keyedlock.lease.Worker;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

/** A {@link Worker} on PostgreSQL, at a URL. */
public final class JdbcWorker {

    private JdbcWorker() {}

    /** Works and ends. */
    public static void main(String[] args) throws Exception {
        Worker.run(
                JdbcDatabase.store(new DriverManagerDataSource(args[0], "postgres", "")),
                new InTable(new JdbcTemplate(new SingleConnectionDataSource(args[0], "postgres", "", true))),
                args);
    }

    /** What workers record in the table {@code WITNESS}, which has a row for each key. */
    record InTable(JdbcTemplate database) implements Worker.Witnesses {

        @Override
        public long enter(String key) {
            return add(key, 1);
        }

        @Override
        public void count(String key) {
            long before = database.queryForObject("SELECT SECTIONS FROM WITNESS WHERE NAME = ?", Long.class, key);
            database.update("UPDATE WITNESS SET SECTIONS = ? WHERE NAME = ?", before + 1, key);
        }

        @Override
        public void leave(String key) {
            add(key, -1);
        }

        private long add(String key, int difference) {
            return database.queryForObject(
                    "UPDATE WITNESS SET INSIDE = INSIDE + ? WHERE NAME = ? RETURNING INSIDE",
                    Long.class,
                    difference,
                    key);
        }

        @Override
        public boolean store(String key, long token, String value) {
            return database.update(
                            "UPDATE WITNESS SET TOKEN = ?, CONTENT = ? WHERE NAME = ? AND TOKEN <= ?",
                            token,
                            value,
                            key,
                            token)
                    == 1;
        }
    }
}
