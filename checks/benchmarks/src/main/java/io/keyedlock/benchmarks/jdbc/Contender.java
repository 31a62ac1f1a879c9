// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.benchmarks.LockFigures;
import io.keyedlock.jdbc.JdbcLeaseStore;
import io.keyedlock.jdbc.JdbcStoreSettings;
import io.keyedlock.lease.Leases;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.locks.Lock;
import javax.sql.DataSource;
import net.javacrumbs.shedlock.core.LockConfiguration;
import net.javacrumbs.shedlock.core.LockProvider;
import net.javacrumbs.shedlock.core.SimpleLock;
import net.javacrumbs.shedlock.provider.jdbctemplate.JdbcTemplateLockProvider;
import org.springframework.integration.jdbc.lock.DefaultLockRepository;
import org.springframework.integration.jdbc.lock.JdbcLockRegistry;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.support.JdbcTransactionManager;

/** A way to lock a key by a database. */
enum Contender {
    KEYEDLOCK("keyedlock on PostgreSQL", 1_000) {
        @Override
        void use(HikariDataSource pool, Use use) throws Exception {
            withLocker(
                    pool,
                    locker -> use.of(body -> {
                        try (Permit held = locker.acquire(KEY)) {
                            held.checkValid();
                            body.run();
                        }
                    }));
        }
    },

    /** As its documentation advises for PostgreSQL. */
    REGISTRY("`JdbcLockRegistry`", 30) {
        @Override
        void use(HikariDataSource pool, Use use) throws Exception {
            DefaultLockRepository repository = new DefaultLockRepository(pool);
            repository.setTransactionManager(new JdbcTransactionManager(pool));
            repository.setInsertQuery(repository.getInsertQuery() + " ON CONFLICT DO NOTHING");
            repository.afterPropertiesSet();
            repository.afterSingletonsInstantiated();
            repository.start();
            JdbcLockRegistry registry = new JdbcLockRegistry(repository);
            use.of(body -> {
                Lock lock = registry.obtain(KEY);
                lock.lock();
                try {
                    body.run();
                } finally {
                    lock.unlock();
                }
            });
            repository.stop();
        }
    },

    /** It does not wait, so it is measured alone. */
    SHEDLOCK("ShedLock", 0) {
        @Override
        void use(HikariDataSource pool, Use use) throws Exception {
            LockProvider provider = new JdbcTemplateLockProvider(JdbcTemplateLockProvider.Configuration.builder()
                    .withJdbcTemplate(new JdbcTemplate(pool))
                    .usingDbTime()
                    .build());
            use.of(body -> {
                SimpleLock lock = provider.lock(
                                new LockConfiguration(Instant.now(), KEY, Duration.ofSeconds(30), Duration.ZERO))
                        .orElseThrow();
                body.run();
                lock.unlock();
            });
        }
    },

    ADVISORY("bare `pg_advisory_lock`, a connection per lock", 1_000) {
        @Override
        void use(HikariDataSource pool, Use use) throws Exception {
            use.of(body -> {
                try (Connection connection = pool.getConnection()) {
                    call(connection, "SELECT pg_advisory_lock(42)");
                    body.run();
                    call(connection, "SELECT pg_advisory_unlock(42)");
                }
            });
        }
    };

    static final String[] TABLES = {
        "CREATE TABLE INT_LOCK (LOCK_KEY CHAR(36) NOT NULL, REGION VARCHAR(100) NOT NULL, CLIENT_ID CHAR(36),"
                + " CREATED_DATE TIMESTAMP NOT NULL, EXPIRED_AFTER TIMESTAMP NOT NULL,"
                + " CONSTRAINT INT_LOCK_PK PRIMARY KEY (LOCK_KEY, REGION))",
        "CREATE TABLE shedlock (name VARCHAR(64) PRIMARY KEY, lock_until TIMESTAMP NOT NULL,"
                + " locked_at TIMESTAMP NOT NULL, locked_by VARCHAR(255) NOT NULL)"
    };

    private static final String KEY = "key";

    /** Enough for each of the threads that lock at the same time. */
    private static final int CONNECTIONS = 50;

    final String title;

    /** How many sections each of two processes passes that hand the key over, or 0 if it does not wait. */
    final int handedOver;

    /** What is done with sections. */
    interface Use {
        void of(LockFigures.Section section) throws Exception;
    }

    /** What is done with a locker. */
    interface LockerUse {
        void of(KeyedLocker<String> locker) throws Exception;
    }

    Contender(String title, int handedOver) {
        this.title = title;
        this.handedOver = handedOver;
    }

    /** Opens connections, does something, and closes them. */
    final void use(String url, Use use) throws Exception {
        try (HikariDataSource pool = pool(url)) {
            use(pool, use);
        }
    }

    abstract void use(HikariDataSource pool, Use use) throws Exception;

    static HikariDataSource pool(String url) {
        HikariDataSource pool = new HikariDataSource();
        pool.setJdbcUrl(url);
        pool.setMaximumPoolSize(CONNECTIONS);
        pool.setMinimumIdle(0);
        return pool;
    }

    static void withLocker(DataSource source, LockerUse use) throws Exception {
        KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName("figures");
        JdbcStoreSettings creates =
                JdbcStoreSettings.defaults().withInitializeSchema(JdbcStoreSettings.InitializeSchema.ALWAYS);
        try (Leases leases = Leases.create(new JdbcLeaseStore(source, creates), "figures");
                KeyedLocker<String> locker = KeyedLocker.createOn(LockFigures.connected(leases, settings), settings)) {
            use.of(locker);
        }
    }

    private static void call(Connection connection, String sql) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.execute();
        }
    }
}
