// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static io.keyedlock.test.KeyedLockAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.THROWABLE;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.test.KeyedLockExtension;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.annotation.Transactional;

/** The test module with annotated methods in a context of Spring Boot. */
class TestSupportTests {

    @Test
    void locksOfATestTransactionAreReleasedBeforeTheCheck() {
        EngineExecutionResults results = run(GivesBack.class);

        results.allEvents().assertStatistics(statistics -> statistics.failed(0));
        results.testEvents().assertStatistics(statistics -> statistics.succeeded(2));
    }

    @Test
    void leakOfAnAnnotatedMethodIsReportedWithoutALockerBean() {
        assertThat(run(Leaks.class).testEvents().failed().list())
                .singleElement()
                .extracting(event -> event.getRequiredPayload(TestExecutionResult.class)
                        .getThrowable()
                        .orElseThrow())
                .asInstanceOf(THROWABLE)
                .hasMessageContaining("key '42' of '")
                .hasMessageContaining("neverSent")
                .hasMessageContaining("held by an asynchronous caller");
    }

    private static EngineExecutionResults run(Class<?> testClass) {
        return EngineTestKit.engine("junit-jupiter")
                .selectors(selectClass(testClass))
                .execute();
    }

    static class Shipping {

        @KeyedLock(name = "orders", key = "#id", waitTime = "0s")
        @Transactional
        public String ship(String id) {
            return "shipped " + id;
        }

        @KeyedLock(key = "#id")
        public CompletableFuture<String> neverSent(String id) {
            return new CompletableFuture<>();
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableTransactionManagement(proxyTargetClass = true)
    @ImportAutoConfiguration({
        AopAutoConfiguration.class,
        KeyedLockAutoConfiguration.class,
        KeyedLockAopAutoConfiguration.class,
        KeyedLockShutdownAutoConfiguration.class
    })
    static class Application {

        @Bean
        DataSource dataSource() {
            return new DriverManagerDataSource("jdbc:h2:mem:test-support;DB_CLOSE_DELAY=-1", "sa", "");
        }

        @Bean
        DataSourceTransactionManager transactionManager(DataSource dataSource) {
            return new DataSourceTransactionManager(dataSource);
        }

        @Bean
        Shipping shipping() {
            return new Shipping();
        }
    }

    @SpringBootTest(
            classes = Application.class,
            webEnvironment = SpringBootTest.WebEnvironment.NONE,
            properties = {"keyedlock.locks.orders.limit=1", "keyedlock.shutdown.await-idle=0s"})
    @ExtendWith(KeyedLockExtension.class)
    static class GivesBack {

        @Autowired
        Shipping shipping;

        @Autowired
        KeyedLockerRegistry lockers;

        @Test
        @Transactional
        void shipsInItsOwnTransaction() {
            assertThat(shipping.ship("42")).isEqualTo("shipped 42");
            assertThat(lockers.get("orders")).key("42").isHeldByCurrentThread();
        }

        @Test
        void timesOutIfAnotherThreadHoldsTheKey() {
            KeyedLocker<String> orders = lockers.get("orders");
            Permit elsewhere = orders.acquireAsync("42").join();
            assertThatThrownBy(() -> shipping.ship("42")).isInstanceOf(LockTimeoutException.class);
            elsewhere.close();
        }
    }

    @SpringBootTest(
            classes = Application.class,
            webEnvironment = SpringBootTest.WebEnvironment.NONE,
            properties = {
                "keyedlock.locks.orders.limit=1",
                "keyedlock.shutdown.await-idle=0s",
                // The hold outlives this test and would be reported during others.
                "keyedlock.long-hold.threshold=0"
            })
    static class Leaks {

        @RegisterExtension
        static final KeyedLockExtension locks = new KeyedLockExtension().withGrace(Duration.ZERO);

        @Autowired
        Shipping shipping;

        @Test
        void leaves() {
            assertThat(shipping.neverSent("42")).isNotDone();
        }
    }
}
