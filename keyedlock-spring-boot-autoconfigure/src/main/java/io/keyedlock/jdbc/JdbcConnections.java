// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.jdbc;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariConfigMXBean;
import com.zaxxer.hikari.HikariDataSource;
import io.keyedlock.KeyText;
import io.keyedlock.lease.LeaseLog;
import io.keyedlock.lease.LeaseSettings;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.jdbc.DataSourceBuilder;
import org.springframework.boot.jdbc.DataSourceUnwrapper;
import org.springframework.core.io.ClassPathResource;
import org.springframework.jdbc.datasource.SimpleDriverDataSource;
import org.springframework.util.ClassUtils;
import org.springframework.util.StreamUtils;

/**
 * Opens the connections of a store, which are not those of the application's pool: callers that wait for a key may hold all of
 * these. Prepares each session, and creates and checks the table at the first contact.
 */
final class JdbcConnections implements AutoCloseable {

    private static final LeaseLog LOG = new LeaseLog(JdbcLeaseStore.class);

    /** Shorter than the timeout of a call, so that the reason is reported. */
    private static final long OPEN_TIMEOUT_MILLIS =
            LeaseSettings.defaults().backendTimeout().toMillis() * 2 / 3;

    private static final Pattern CONNECT_TIMEOUT = Pattern.compile("(?i)(connect|login)Timeout=");

    private static final boolean HIKARI =
            ClassUtils.isPresent("com.zaxxer.hikari.HikariDataSource", JdbcConnections.class.getClassLoader());

    private final DataSource application;
    private final DataSource source;
    private final JdbcStoreSettings settings;
    private final LongSupplier clock;

    /** The table; null until the first contact. */
    private volatile @Nullable JdbcTable table;

    JdbcConnections(DataSource application, JdbcStoreSettings settings, int most, LongSupplier clock) {
        this.application = application;
        this.source = derive(application, most);
        this.settings = settings;
        this.clock = clock;
    }

    private static DataSource derive(DataSource application, int most) {
        if (HIKARI) {
            DataSource pool = HikariPools.derive(application, most);
            if (pool != null) {
                return pool;
            }
        }
        try {
            return unpooled(application);
        } catch (RuntimeException e) {
            LOG.warn(
                    "The address of the database cannot be derived from "
                            + application.getClass().getName()
                            + ". Leases use its connections: it must have " + most
                            + " that no waiting caller holds. Mark"
                            + " another DataSource with @KeyedLockDataSource if need be.",
                    null);
            return application;
        }
    }

    private static SimpleDriverDataSource unpooled(DataSource application) {
        SimpleDriverDataSource source = DataSourceBuilder.derivedFrom(application)
                .type(SimpleDriverDataSource.class)
                .build();
        String url = source.getUrl();
        // What the address says remains.
        if (url != null && !CONNECT_TIMEOUT.matcher(url).find()) {
            source.setConnectionProperties(connectTimeout(url));
        }
        return source;
    }

    /** Returns the properties with which a driver stops trying to connect. Otherwise it waits for minutes if packets are dropped. */
    private static Properties connectTimeout(String url) {
        Properties properties = new Properties();
        if (url.startsWith("jdbc:postgresql:")) {
            String seconds = Long.toString(TimeUnit.MILLISECONDS.toSeconds(OPEN_TIMEOUT_MILLIS));
            properties.setProperty("connectTimeout", seconds);
            properties.setProperty("loginTimeout", seconds);
        } else if (url.startsWith("jdbc:mariadb:") || url.startsWith("jdbc:mysql:")) {
            properties.setProperty("connectTimeout", Long.toString(OPEN_TIMEOUT_MILLIS));
        }
        return properties;
    }

    /** Returns where connections come from, with the user and the password that the application has now. */
    private DataSource current() throws SQLException {
        if (source == application || (HIKARI && HikariPools.updateCredentials(source, application))) {
            return source;
        }
        SimpleDriverDataSource fresh;
        try {
            fresh = unpooled(application);
        } catch (RuntimeException e) {
            // A DataSource that leads somewhere else, or nowhere, on another thread.
            return source;
        }
        if (fresh.getDriver() == null) {
            // Of a kind that Spring Boot does not know.
            fresh.setDriver(DriverManager.getDriver(fresh.getUrl()));
        }
        return fresh;
    }

    /**
     * Returns the table.
     *
     * @throws IllegalStateException before the first connection was opened
     */
    JdbcTable table() {
        JdbcTable known = table;
        if (known == null) {
            throw new IllegalStateException("no connection has been opened yet");
        }
        return known;
    }

    /** Opens a connection with auto-commit. */
    JdbcSession open() throws SQLException {
        JdbcSession session = new JdbcSession(
                connect(), source == application, connection -> evict(source, connection), clock.getAsLong());
        try {
            JdbcPlatform platform = settings.platform() == null
                    ? JdbcPlatform.of(session.connection())
                    : JdbcPlatform.of(settings.platform());
            session.prepare(platform);
            if (table == null) {
                initialize(session.connection(), platform);
                JdbcTable found = new JdbcTable(platform, settings.table());
                found.checkNotifications(session.connection());
                table = found;
            }
            return session;
        } catch (SQLException e) {
            session.closeAfter(e);
            throw e;
        } catch (RuntimeException | Error e) {
            session.abandon();
            throw e;
        }
    }

    /** Returns whether the database is known, and notifies of turns. */
    boolean notifies() {
        JdbcTable known = table;
        return known != null && known.notifies() && JdbcTurns.notifies(known.platform());
    }

    private Connection connect() throws SQLException {
        try {
            return current().getConnection();
        } catch (SQLException e) {
            if (JdbcFailures.isWithoutDriver(e)) {
                throw new JdbcSetupException(
                        "There is no JDBC driver for the address of the database",
                        "Correct spring.datasource.url, or add the driver to the class path; if it does not register itself, set"
                                + " spring.datasource.driver-class-name too.",
                        e);
            }
            if (JdbcFailures.isRefused(e)) {
                throw new JdbcSetupException(
                        "The database refuses connections for leases: " + KeyText.inLine(e.getMessage()),
                        "Correct the user, the password or the name of the database in the DataSource.",
                        e);
            }
            throw e;
        }
    }

    /** Removes a connection from its pool. */
    private static void evict(DataSource source, Connection connection) {
        if (HIKARI && HikariPools.evict(source, connection)) {
            return;
        }
        try {
            connection.abort(Runnable::run);
        } catch (SQLException e) {
            // The driver does not support it.
        }
    }

    @Override
    public void close() {
        if (source != application && source instanceof AutoCloseable pool) {
            try {
                pool.close();
            } catch (Exception e) {
                // Its connections end with their threads.
            }
        }
    }

    // ---- the table

    /** Creates the table if it is missing and the settings say so, and checks it and the rights. */
    private void initialize(Connection connection, JdbcPlatform platform) throws SQLException {
        SQLException problem = problem(connection);
        if (problem == null) {
            return;
        }
        String url = connection.getMetaData().getURL();
        boolean creates = switch (settings.initializeSchema()) {
            case ALWAYS -> true;
            case EMBEDDED -> url != null && url.startsWith("jdbc:h2:mem:");
            case NEVER -> false;
        };
        if (creates) {
            problem = create(connection, platform);
        }
        if (problem == null) {
            return;
        }
        if (JdbcFailures.isTemporary(problem)) {
            throw problem;
        }
        String reason = KeyText.inLine(problem.getMessage());
        if (JdbcFailures.isDenied(problem)) {
            throw new JdbcSetupException(
                    "The user of the database may not use the table " + settings.table() + " of leases: " + reason,
                    "Grant it the rights SELECT, INSERT, UPDATE and DELETE on the table, and before that create the table"
                            + " with the script classpath:" + platform.script() + " if it is missing.",
                    problem);
        }
        throw new JdbcSetupException(
                "The table " + settings.table() + " of leases is missing or not as expected: " + reason,
                "Create it with the script classpath:" + platform.script()
                        + ", best by copying that into the migrations of Flyway or Liquibase, which run before it is"
                        + " needed; or set keyedlock.jdbc.initialize-schema=always if the application may create tables.",
                problem);
    }

    private @Nullable SQLException create(Connection connection, JdbcPlatform platform) throws SQLException {
        SQLException failure = null;
        try (Statement statement = connection.createStatement()) {
            for (String command : script(platform).split(";", -1)) {
                if (!command.isBlank()) {
                    statement.execute(command);
                }
            }
        } catch (SQLException e) {
            // Another process may have created it at the same time.
            failure = e;
        }
        SQLException problem = problem(connection);
        return problem == null || failure == null ? problem : failure;
    }

    private String script(JdbcPlatform platform) {
        try {
            String text = StreamUtils.copyToString(
                    new ClassPathResource(platform.script(), JdbcConnections.class.getClassLoader()).getInputStream(),
                    StandardCharsets.UTF_8);
            String plain = settings.table().substring(settings.table().indexOf('.') + 1);
            return text.replaceAll("(?m)^--.*$", "")
                    .replace("KEYEDLOCK_KEY_LAST_DAY", plain + "_LAST_DAY")
                    .replaceAll("\\bKEYEDLOCK_KEY\\b", settings.table());
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Returns what is wrong with the table or the rights to it, or null. */
    private @Nullable SQLException problem(Connection connection) {
        String select =
                "SELECT ID, LOCK_NAME, KEY_NAME, STATE, TOKEN, LAST_DAY FROM " + settings.table() + " WHERE 1 = 0";
        try (Statement statement = connection.createStatement()) {
            ResultSetMetaData found = statement.executeQuery(select).getMetaData();
            for (int column = 1; column <= found.getColumnCount(); column++) {
                boolean isNumber = found.getColumnType(column) == Types.BIGINT;
                if (isNumber != column > 4) {
                    return new SQLException(
                            "the column " + found.getColumnName(column) + " is of type "
                                    + found.getColumnTypeName(column),
                            "42804");
                }
            }
            // These change nothing, and fail if a right is missing.
            statement.execute(
                    "INSERT INTO " + settings.table() + " (ID, LOCK_NAME, KEY_NAME, STATE, TOKEN, LAST_DAY) " + select);
            statement.execute("UPDATE " + settings.table() + " SET LAST_DAY = LAST_DAY WHERE 1 = 0");
            statement.execute("DELETE FROM " + settings.table() + " WHERE 1 = 0");
            return null;
        } catch (SQLException e) {
            return e;
        }
    }

    /** What needs the classes of Hikari. */
    private static final class HikariPools {

        /** Returns a small pool with the settings of the application's, or null if that is another pool. */
        static @Nullable DataSource derive(DataSource application, int most) {
            HikariDataSource pool =
                    DataSourceUnwrapper.unwrap(application, HikariConfigMXBean.class, HikariDataSource.class);
            if (pool == null) {
                return null;
            }
            HikariConfig config = new HikariConfig();
            pool.copyStateTo(config);
            config.setPoolName(Objects.requireNonNullElse(pool.getPoolName(), "pool") + "-keyedlock");
            config.setMaximumPoolSize(most);
            config.setMinimumIdle(0);
            config.setReadOnly(false);
            config.setRegisterMbeans(false);
            config.setLeakDetectionThreshold(0);
            config.setInitializationFailTimeout(-1);
            config.setConnectionTimeout(Math.min(config.getConnectionTimeout(), OPEN_TIMEOUT_MILLIS));
            // A setting of the whole JVM, which a new pool changes.
            int loginTimeout = DriverManager.getLoginTimeout();
            try {
                return new HikariDataSource(config);
            } finally {
                DriverManager.setLoginTimeout(loginTimeout);
            }
        }

        /** Returns whether the source is such a pool, which has the credentials of the application's pool then, if that is found. */
        static boolean updateCredentials(DataSource source, DataSource application) {
            HikariDataSource from =
                    DataSourceUnwrapper.unwrap(application, HikariConfigMXBean.class, HikariDataSource.class);
            if (source instanceof HikariDataSource pool) {
                if (from != null) {
                    pool.setCredentials(from.getCredentials());
                }
                return true;
            }
            return false;
        }

        /** Returns whether the connection was of such a pool and has been removed from it. */
        static boolean evict(DataSource source, Connection connection) {
            if (source instanceof HikariDataSource pool) {
                pool.evictConnection(connection);
                return true;
            }
            return false;
        }
    }
}
