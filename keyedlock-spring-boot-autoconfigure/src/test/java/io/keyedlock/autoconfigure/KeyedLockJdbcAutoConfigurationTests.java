// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.Mockito.RETURNS_DEEP_STUBS;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockBackendException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.jdbc.JdbcDatabase;
import io.keyedlock.jdbc.JdbcSetupException;
import io.keyedlock.jdbc.KeyedLockDataSource;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Duration;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.io.ClassPathResource;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/** Lockers that one line of configuration puts on a database. */
@ExtendWith(OutputCaptureExtension.class)
class KeyedLockJdbcAutoConfigurationTests {

    private final JdbcDatabase database = JdbcDatabase.h2();

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    AopAutoConfiguration.class,
                    KeyedLockAutoConfiguration.class,
                    KeyedLockAopAutoConfiguration.class,
                    KeyedLockJdbcAutoConfiguration.class))
            .withPropertyValues("keyedlock.defaults.backend-timeout=60s");

    private final ApplicationContextRunner onDatabase = runner.withBean(
                    "dataSource", DataSource.class, () -> database.pool(1))
            .withPropertyValues("keyedlock.locks.orders.backend=jdbc");

    @AfterEach
    void stop() {
        database.close();
    }

    private static KeyedLocker<String> orders(org.springframework.context.ApplicationContext context) {
        return context.getBean(KeyedLockerRegistry.class).get("orders");
    }

    @Test
    void oneLineIsEnough() {
        onDatabase.run(one -> onDatabase.run(other -> {
            assertThat(orders(one).backend().map(KeyedLockerBackend::name)).contains("jdbc");
            try (Permit permit = orders(one).acquire("42")) {
                assertThat(permit.fencingToken()).isPresent();
                assertThat(orders(other).tryAcquire("42")).isEmpty();
            }
            orders(other).acquire("42", Duration.ofSeconds(30)).close();
        }));
    }

    @Test
    void lockersOfAnnotatedMethodsFollowTheDefaults() {
        onDatabase
                .withPropertyValues("keyedlock.defaults.backend=jdbc", "keyedlock.defaults.fail-fast=true")
                .withBean(Shop.class)
                .run(context -> {
                    assertThat(context.getBean(Shop.class).ship("42")).isEqualTo("42 shipped");
                    assertThat(database.template()
                                    .queryForObject(
                                            "SELECT COUNT(*) FROM KEYEDLOCK_KEY WHERE LOCK_NAME LIKE '%.ship(String)'",
                                            Integer.class))
                            .isEqualTo(1);
                });
    }

    static class Shop {
        @KeyedLock(key = "#order")
        public String ship(String order) {
            return order + " shipped";
        }
    }

    @Test
    void theStoreHasItsOwnConnectionsAndClosesThem(CapturedOutput output) {
        onDatabase.run(context -> {
            try (java.sql.Connection onlyOne = context.getBean(DataSource.class).getConnection()) {
                assertThat(onlyOne.isValid(1)).isTrue();
                orders(context).acquire("42").close();
            }
        });
        JdbcDatabase.until(() -> output.toString().contains("-keyedlock - Shutdown completed"));
        assertThat(output).doesNotContain("cannot be reached");
    }

    @Test
    void withoutItsTableTheStartFailsAndNamesTheScript(CapturedOutput output) {
        SpringApplication application = new SpringApplication(Plain.class);
        application.setWebApplicationType(WebApplicationType.NONE);
        application.addInitializers(context -> ((org.springframework.context.support.GenericApplicationContext) context)
                .registerBean("dataSource", DataSource.class, () -> database.pool(1)));
        assertThatThrownBy(() -> application
                        .run("--keyedlock.locks.orders.backend=jdbc", "--keyedlock.jdbc.initialize-schema=never")
                        .close())
                .hasStackTraceContaining("JdbcSetupException");
        assertThat(output)
                .contains("The table KEYEDLOCK_KEY of leases is missing or not as expected")
                .contains("classpath:io/keyedlock/jdbc/schema-h2.sql")
                .contains("Flyway");
    }

    @Test
    void withoutItsTableTheStartFailsBeforeAnyLockerExists() {
        runner.withBean("dataSource", DataSource.class, () -> database.pool(1))
                .withPropertyValues("keyedlock.defaults.backend=jdbc", "keyedlock.jdbc.initialize-schema=never")
                .run(context -> assertThat(context.getStartupFailure())
                        .hasStackTraceContaining(JdbcSetupException.class.getName()));
    }

    @Configuration
    @ImportAutoConfiguration({KeyedLockAutoConfiguration.class, KeyedLockJdbcAutoConfiguration.class})
    static class Plain {}

    @Test
    void withAnotherColumnTheStartFailsToo() {
        database.template()
                .execute("CREATE TABLE KEYEDLOCK_KEY (ID VARCHAR(64) PRIMARY KEY, LOCK_NAME VARCHAR(9), KEY_NAME"
                        + " VARCHAR(9), TOKEN VARCHAR(9), STATE VARCHAR(9), LAST_DAY BIGINT)");
        onDatabase.run(context -> assertThat(context)
                .getFailure()
                .rootCause()
                .hasMessage("the column TOKEN is of type CHARACTER VARYING"));
        database.template().execute("ALTER TABLE KEYEDLOCK_KEY DROP COLUMN TOKEN");
        onDatabase.run(context -> assertThat(context)
                .getFailure()
                .satisfies(failure -> assertThat(failure).hasStackTraceContaining(JdbcSetupException.class.getName())));
    }

    @Test
    void theScriptCreatesWhatTheStoreExpects() throws Exception {
        String script =
                new ClassPathResource("io/keyedlock/jdbc/schema-h2.sql").getContentAsString(StandardCharsets.UTF_8);
        database.template().execute(script);
        onDatabase
                .withPropertyValues("keyedlock.jdbc.initialize-schema=never")
                .run(context -> orders(context).acquire("42").close());
    }

    @Test
    void withoutARightTheStartFailsAndNamesIt() throws Exception {
        database.template()
                .execute(new ClassPathResource("io/keyedlock/jdbc/schema-h2.sql")
                        .getContentAsString(StandardCharsets.UTF_8));
        database.template().execute("CREATE USER APP PASSWORD ''");
        for (String right : new String[] {"SELECT", "INSERT", "UPDATE", "DELETE"}) {
            database.template().execute("GRANT SELECT, INSERT, UPDATE, DELETE ON KEYEDLOCK_KEY TO APP");
            database.template().execute("REVOKE " + right + " ON KEYEDLOCK_KEY FROM APP");
            assertStartFails(
                    new DriverManagerDataSource(database.url().replaceAll(";.*", ""), "APP", ""),
                    "The user of the database may not use the table KEYEDLOCK_KEY",
                    "Grant it the rights");
        }
    }

    @Test
    void whatADatabaseCannotDoFailsTheStart() throws SQLException {
        DataSource another = mock(DataSource.class, RETURNS_DEEP_STUBS);
        when(another.getConnection().getMetaData().getDatabaseProductName()).thenReturn("Oracle");
        database.template().execute("SELECT 1");
        assertStartFails(another, "Leases cannot be stored in 'Oracle'", "Use PostgreSQL");
        assertStartFails(
                new DriverManagerDataSource(database.url(), database.user(), "wrong"),
                "The database refuses connections for leases",
                "Correct the user, the password");
        assertStartFails(
                new DriverManagerDataSource("jdbc:unknown:secret", "", ""),
                "There is no JDBC driver for the address of the database",
                "spring.datasource.driver-class-name");
        assertStartFails(
                database.pool(1),
                "The database cannot be used for leases",
                "Check the DataSource, and keyedlock.jdbc.platform",
                "keyedlock.jdbc.platform=mysql");
    }

    private void assertStartFails(DataSource source, String problem, String action, String... properties) {
        runner.withBean("dataSource", DataSource.class, () -> source)
                .withPropertyValues("keyedlock.locks.orders.backend=jdbc")
                .withPropertyValues(properties)
                .run(context -> {
                    assertThat(context).hasFailed();
                    FailureAnalysis analysis = new JdbcSetupFailureAnalyzer().analyze(context.getStartupFailure());
                    assertThat(analysis.getDescription()).contains(problem).doesNotContain(action);
                    assertThat(analysis.getAction()).contains(action);
                });
    }

    @Test
    void applicationsMayShareADatabaseUnderTheirPrefixes() {
        onDatabase
                .withPropertyValues("keyedlock.jdbc.table-prefix=SHOP_")
                .run(shop -> onDatabase.run(other -> {
                    try (Permit mine = orders(shop).acquire("42");
                            Permit theirs = orders(other).acquire("42")) {
                        assertThat(mine.fencingToken()).isPresent();
                        assertThat(theirs.fencingToken()).isPresent();
                        assertThat(database.template().queryForList("SELECT KEY_NAME FROM SHOP_KEY", String.class))
                                .containsExactly("s:42");
                    }
                }));
        database.template().execute("CREATE SCHEMA LOCKS");
        onDatabase.withPropertyValues("keyedlock.jdbc.table-prefix=LOCKS.K_").run(context -> {
            orders(context).acquire("42").close();
            assertThat(database.template().queryForList("SELECT KEY_NAME FROM LOCKS.K_KEY", String.class))
                    .containsExactly("s:42");
        });
        onDatabase
                .withPropertyValues("keyedlock.jdbc.table-prefix=a b")
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .hasMessageContaining("letters, digits and underscores"));
    }

    @Test
    void valuesThatCannotWorkAreRejected() {
        for (String wrong : new String[] {"platform=db2", "token-retention=1h", "poll-min=0s", "poll-max=1ms"}) {
            onDatabase
                    .withPropertyValues("keyedlock.jdbc." + wrong)
                    .run(context -> assertThat(context)
                            .getFailure()
                            .rootCause()
                            .hasMessageContaining("keyedlock.jdbc." + wrong.substring(0, wrong.indexOf('='))));
        }
    }

    @Test
    void theMarkedDataSourceIsUsed() {
        try (JdbcDatabase another = JdbcDatabase.h2()) {
            onDatabase
                    .withBean("another", JdbcDatabase.class, () -> another)
                    .withUserConfiguration(Marked.class)
                    .run(context -> {
                        orders(context).acquire("42").close();
                        assertThat(another.template().queryForList("SELECT KEY_NAME FROM KEYEDLOCK_KEY", String.class))
                                .containsExactly("s:42");
                    });
        }
    }

    @Test
    void twoMarkedDataSourcesFailTheStart() {
        onDatabase
                .withBean("another", JdbcDatabase.class, () -> database)
                .withUserConfiguration(Marked.class, MarkedToo.class)
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .isInstanceOf(MissingBackendException.class)
                        .hasMessageContainingAll("@KeyedLockDataSource", "locks", "tooMany")
                        .satisfies(failure -> assertThat(new MissingBackendFailureAnalyzer()
                                        .analyze(context.getStartupFailure())
                                        .getAction())
                                .startsWith("Remove @KeyedLockDataSource from all of them but one")));
    }

    @Configuration(proxyBeanMethods = false)
    static class MarkedToo {
        @Bean
        @KeyedLockDataSource
        DataSource tooMany(JdbcDatabase database) {
            return database.pool(1);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Marked {
        @Bean
        @KeyedLockDataSource
        DataSource locks(JdbcDatabase database) {
            return database.pool(1);
        }
    }

    @Test
    void ofMultipleDataSourcesOneMustBePrimaryOrMarked() {
        onDatabase
                .withBean("second", DataSource.class, () -> database.pool(1))
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .isInstanceOf(MissingBackendException.class)
                        .satisfies(failure -> assertThat(new MissingBackendFailureAnalyzer()
                                        .analyze(context.getStartupFailure())
                                        .getAction())
                                .contains("@KeyedLockDataSource")));
    }

    @Test
    void withoutADataSourceTheStartFailsBeforeAnyLockerExists() {
        runner.withPropertyValues("keyedlock.defaults.backend=jdbc")
                .run(context -> assertThat(context)
                        .getFailure()
                        .isInstanceOf(MissingBackendException.class)
                        .hasMessageContaining("there is no DataSource bean"));
    }

    @Test
    void withFailFastTheStartNeedsTheDatabase() {
        ApplicationContextRunner nowhere = runner.withBean(
                        "dataSource",
                        DataSource.class,
                        () -> new DriverManagerDataSource("jdbc:postgresql://localhost:1/none", "a", "b"))
                .withPropertyValues(
                        "keyedlock.locks.orders.backend=jdbc", "keyedlock.locks.orders.backend-timeout=500ms");
        nowhere.withPropertyValues("keyedlock.locks.orders.fail-fast=true")
                .run(context -> assertThat(context.getStartupFailure())
                        .hasStackTraceContaining("Locker 'orders' cannot use jdbc"));
        nowhere.run(context -> assertThatThrownBy(() -> orders(context).acquire("42"))
                .isInstanceOf(LockBackendException.class)
                .hasMessageContaining("localhost:1"));
    }

    @Test
    void springJdbcIsOptional() {
        runner.withClassLoader(new FilteredClassLoader("org.springframework.jdbc", "org.postgresql", "com.zaxxer"))
                .withPropertyValues("keyedlock.locks.orders.limit=1")
                .run(context -> assertThat(context).hasNotFailed().hasBean("orders"));
    }

    @Test
    void neitherHikariNorTheDriverOfPostgresIsNeeded() {
        runner.withClassLoader(new FilteredClassLoader("org.postgresql", "com.zaxxer"))
                .withBean(
                        "dataSource",
                        DataSource.class,
                        () -> new DriverManagerDataSource(database.url(), database.user(), ""))
                .withPropertyValues("keyedlock.locks.orders.backend=jdbc")
                .run(context -> orders(context).acquire("42").close());
    }
}
