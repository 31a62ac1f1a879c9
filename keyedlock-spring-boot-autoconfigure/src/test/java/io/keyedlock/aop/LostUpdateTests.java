// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.zaxxer.hikari.HikariDataSource;
import io.keyedlock.annotation.KeyedLock;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.annotation.Isolation;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/**
 * Increments one row in transactions that read and then write it, under READ COMMITTED and without a read before the lock:
 * none is lost as long as the lock is held through the commit.
 */
class LostUpdateTests {

    private static final int INCREMENTS = 400;
    private static final int THREADS = 8;

    private static EmbeddedPostgres postgres;

    enum Database {
        H2,
        POSTGRESQL;

        DataSource dataSource() {
            return this == H2
                    ? new DriverManagerDataSource("jdbc:h2:mem:lost;DB_CLOSE_DELAY=-1;LOCK_TIMEOUT=120000", "sa", "")
                    : postgres.getPostgresDatabase();
        }
    }

    @BeforeAll
    static void startDatabase() throws IOException {
        // Its port is chosen first and bound later, so it may be in use by then.
        for (int attempt = 1; postgres == null; attempt++) {
            try {
                postgres = EmbeddedPostgres.builder()
                        .setPGStartupWait(Duration.ofMinutes(2))
                        .start();
            } catch (IOException e) {
                if (attempt == 3) {
                    throw e;
                }
            }
        }
    }

    @AfterAll
    static void stopDatabase() throws IOException {
        postgres.close();
    }

    @ParameterizedTest
    @EnumSource
    void lockOnTheTransactionalMethodLosesNothing(Database database) {
        assertThat(incremented(database, Counter::lockedAndTransactional)).isEqualTo(INCREMENTS);
    }

    @ParameterizedTest
    @EnumSource
    void lockOnABeanInsideTheTransactionLosesNothing(Database database) {
        assertThat(incremented(database, Counter::transactionalAroundLock)).isEqualTo(INCREMENTS);
    }

    @ParameterizedTest
    @EnumSource
    void lockReleasedInsideTheTransactionLosesUpdates(Database database) {
        run(database, (context, jdbc) -> {
            Counter counter = context.getBean(Counter.class);
            try (Section beforeCommit = new Section()) {
                Future<?> first = beforeCommit.start(() -> counter.releasedInTransaction(beforeCommit::pass));
                beforeCommit.awaitInside(1);
                // The first has written and released its lock, but not committed, so the second reads the old value.
                // If the database makes it wait for the row, it waits after that read.
                Future<?> second = beforeCommit.start(() -> counter.releasedInTransaction(() -> {}));
                await().atMost(Duration.ofMinutes(1)).until(() -> counter.reads() == 2);
                beforeCommit.release(1);
                first.get(120, TimeUnit.SECONDS);
                second.get(120, TimeUnit.SECONDS);
            }
            assertThat(value(jdbc)).isEqualTo(1);
        });
    }

    @ParameterizedTest
    @EnumSource
    void lockHeldThroughTheCommitPreventsTheSecondRead(Database database) {
        run(database, (context, jdbc) -> {
            Counter counter = context.getBean(Counter.class);
            try (Section beforeCommit = new Section()) {
                Future<?> first = beforeCommit.start(() -> counter.heldThroughCommit(beforeCommit::pass));
                beforeCommit.awaitInside(1);
                Future<?> second = beforeCommit.start(() -> counter.heldThroughCommit(() -> {}));
                new TransactionTests.Locked(context).awaitWaiter();
                assertThat(counter.reads()).isEqualTo(1);
                beforeCommit.release(1);
                first.get(120, TimeUnit.SECONDS);
                second.get(120, TimeUnit.SECONDS);
            }
            assertThat(value(jdbc)).isEqualTo(2);
        });
    }

    private static int incremented(Database database, Consumer<Counter> increment) {
        int[] value = new int[1];
        run(database, (context, jdbc) -> {
            Counter counter = context.getBean(Counter.class);
            ExecutorService threads = Executors.newFixedThreadPool(THREADS);
            try {
                List<Future<?>> calls = new ArrayList<>();
                for (int i = 0; i < INCREMENTS; i++) {
                    calls.add(threads.submit(() -> increment.accept(counter)));
                }
                for (Future<?> call : calls) {
                    call.get(120, TimeUnit.SECONDS);
                }
            } finally {
                threads.shutdownNow();
            }
            value[0] = value(jdbc);
        });
        return value[0];
    }

    private static void run(Database database, Check check) {
        Contexts.runner(Row.class, Counter.class)
                .withBean("database", HikariDataSource.class, () -> pool(database.dataSource()))
                .withUserConfiguration(Transactions.class)
                .run(context -> {
                    JdbcTemplate jdbc = context.getBean(JdbcTemplate.class);
                    jdbc.execute("drop table if exists counter");
                    jdbc.execute("create table counter (id int primary key, amount int not null)");
                    jdbc.execute("insert into counter values (1, 0)");
                    check.on(context, jdbc);
                });
    }

    private static HikariDataSource pool(DataSource database) {
        HikariDataSource pool = new HikariDataSource();
        pool.setDataSource(database);
        pool.setMaximumPoolSize(THREADS);
        return pool;
    }

    private static int value(JdbcTemplate jdbc) {
        Integer value = jdbc.queryForObject("select amount from counter where id = 1", Integer.class);
        return value == null ? -1 : value;
    }

    interface Check {
        void on(ApplicationContext context, JdbcTemplate jdbc)
                throws InterruptedException, ExecutionException, TimeoutException;
    }

    @Configuration(proxyBeanMethods = false)
    @EnableTransactionManagement
    static class Transactions {

        @Bean
        DataSourceTransactionManager transactionManager(DataSource database) {
            return new DataSourceTransactionManager(database);
        }

        @Bean
        JdbcTemplate jdbc(DataSource database) {
            return new JdbcTemplate(database);
        }
    }

    /** Returns the row. Called inside a transaction. */
    static class Row {

        private final JdbcTemplate jdbc;
        private final AtomicInteger reads = new AtomicInteger();

        Row(JdbcTemplate jdbc) {
            this.jdbc = jdbc;
        }

        int reads() {
            return reads.get();
        }

        @KeyedLock(key = "'row'")
        public void increment() {
            readThenWrite();
        }

        @KeyedLock(key = "'row'", release = KeyedLock.Release.ON_RETURN)
        public void incrementAndRelease() {
            readThenWrite();
        }

        void readThenWrite() {
            int amount = value(jdbc);
            reads.incrementAndGet();
            jdbc.update("update counter set amount = ? where id = 1", amount + 1);
        }
    }

    static class Counter {

        private final Row row;

        Counter(Row row) {
            this.row = row;
        }

        int reads() {
            return row.reads();
        }

        @KeyedLock(key = "'row'")
        @Transactional(isolation = Isolation.READ_COMMITTED)
        public void lockedAndTransactional() {
            row.readThenWrite();
        }

        @Transactional(isolation = Isolation.READ_COMMITTED)
        public void transactionalAroundLock() {
            row.increment();
        }

        @Transactional(isolation = Isolation.READ_COMMITTED)
        public void heldThroughCommit(Runnable atCommit) {
            beforeCommit(atCommit);
            row.increment();
        }

        @Transactional(isolation = Isolation.READ_COMMITTED)
        public void releasedInTransaction(Runnable atCommit) {
            beforeCommit(atCommit);
            row.incrementAndRelease();
        }

        private static void beforeCommit(Runnable action) {
            TransactionSynchronizationManager.registerSynchronization(new TransactionSynchronization() {
                @Override
                public void beforeCommit(boolean readOnly) {
                    action.run();
                }
            });
        }
    }
}
