// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import static io.keyedlock.test.Runs.classFailures;
import static io.keyedlock.test.Runs.run;
import static io.keyedlock.test.Runs.testFailures;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.THROWABLE;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.test.annotation.DirtiesContext;
import org.springframework.test.context.junit.jupiter.SpringJUnitConfig;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.AbstractPlatformTransactionManager;
import org.springframework.transaction.support.DefaultTransactionStatus;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/** Each nested class is a test class that one test runs, or what it needs. */
class SpringLockersTests {

    @Test
    void lockersOfTheContextAreChecked() {
        EngineExecutionResults results = run(Leaks.class);

        assertThat(testFailures(results)).singleElement(THROWABLE).hasMessageContaining("key '42' of 'orders'");
        results.testEvents().assertStatistics(statistics -> statistics.succeeded(1));
        assertThat(classFailures(results)).isEmpty();
    }

    @Test
    void graceIsConfigurable() {
        assertThat(testFailures(run(LeaksAtOnce.class)))
                .singleElement(THROWABLE)
                .hasMessageContaining("(grace PT0S):");
    }

    @Test
    void permitOfATestTransactionIsNoLeak() {
        for (Class<?> testClass : new Class<?>[] {TransactionalBefore.class, TransactionalAfter.class}) {
            EngineExecutionResults results = run(testClass);

            results.allEvents().assertStatistics(statistics -> statistics.failed(0));
            results.testEvents().assertStatistics(statistics -> statistics.succeeded(1));
        }
    }

    @Test
    void leakOfATestThatDirtiesItsContextIsReported() {
        for (Class<?> testClass : new Class<?>[] {DirtiesBefore.class, DirtiesAfter.class}) {
            EngineExecutionResults results = run(testClass);

            assertThat(testFailures(results))
                    .singleElement(THROWABLE)
                    .hasMessageContaining("key '42' of 'orders'")
                    .hasMessageContaining("key '43' of 'made meanwhile'");
            assertThat(classFailures(results)).isEmpty();
        }
    }

    /** Which Spring refuses by itself. */
    @Test
    void closedContextIsNotAccessed() {
        for (Class<?> testClass : new Class<?>[] {ClosesBefore.class, ClosesAfter.class}) {
            EngineExecutionResults results = run(testClass);

            assertThat(classFailures(results)).isEmpty();
            assertThat(testFailures(results))
                    .flatExtracting(failure -> Stream.concat(Stream.of(failure), Arrays.stream(failure.getSuppressed()))
                            .map(Throwable::getMessage)
                            .toList())
                    .isNotEmpty()
                    .noneMatch(message -> message.contains("though it is closed"));
        }
    }

    @Test
    void contextIsLoadedAfterItsDependencies() {
        EngineExecutionResults results = run(NeedsAServer.class);

        results.allEvents().assertStatistics(statistics -> statistics.failed(0));
        results.testEvents().assertStatistics(statistics -> statistics.succeeded(1));
    }

    @Test
    void contextWithoutARegistryIsRejected() {
        assertThat(testFailures(run(HasNoRegistry.class)))
                .singleElement(THROWABLE)
                .isInstanceOf(ExtensionConfigurationException.class)
                .hasMessageContaining("There is no KeyedLockerRegistry bean in the application context of ")
                .hasMessageContaining("$HasNoRegistry. ")
                .hasMessageContaining("KeyedLockExtension.of(locker)");
    }

    @Test
    void testWithoutAContextIsRejected() {
        assertThat(testFailures(run(HasNoContext.class)))
                .singleElement(THROWABLE)
                .isInstanceOf(ExtensionConfigurationException.class)
                .hasMessageContaining("$HasNoContext. Annotate the class with @SpringBootTest");
    }

    @Test
    void withoutSpringTheMessageNamesTheReason() throws Exception {
        Class<?> extension = new WithoutSpring().loadClass(KeyedLockExtension.class.getName());
        Object made = extension.getConstructor().newInstance();
        ExtensionContext context = (ExtensionContext) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {ExtensionContext.class}, (proxy, method, arguments) -> {
                    throw new AssertionError("asked for " + method);
                });

        assertThatThrownBy(() -> extension
                        .getMethod("beforeEach", ExtensionContext.class)
                        .invoke(made, context))
                .isInstanceOf(InvocationTargetException.class)
                .cause()
                .isInstanceOf(ExtensionConfigurationException.class)
                .hasMessageContaining("finds no Spring on the class path")
                .hasMessageContaining("KeyedLockExtension.of(locker)");
    }

    /** Loads the extension without Spring. */
    private static final class WithoutSpring extends ClassLoader {

        WithoutSpring() {
            super(SpringLockersTests.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith("org.springframework.")) {
                throw new ClassNotFoundException(name);
            }
            if (!name.startsWith("io.keyedlock.test.")) {
                return super.loadClass(name, resolve);
            }
            Class<?> loaded = findLoadedClass(name);
            if (loaded != null) {
                return loaded;
            }
            try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
                byte[] bytes = in.readAllBytes();
                return defineClass(name, bytes, 0, bytes.length);
            } catch (IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }
    }

    private static KeyedLocker<String> locker(String name) {
        return KeyedLocker.create(KeyedLockerSettings.defaults().withName(name));
    }

    @Configuration(proxyBeanMethods = false)
    static class Registry {

        @Bean
        FixedRegistry registry() {
            return new FixedRegistry(Map.of("orders", locker("orders")));
        }
    }

    @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
    @SpringJUnitConfig(Registry.class)
    @ExtendWith(KeyedLockExtension.class)
    @DirtiesContext
    static class Leaks {

        @Autowired
        KeyedLockerRegistry registry;

        @Test
        @Order(1)
        void leaves() {
            registry.get("orders").tryAcquire("42");
        }

        @Test
        @Order(2)
        void nothing() {}
    }

    @SpringJUnitConfig(Registry.class)
    @DirtiesContext
    static class LeaksAtOnce {

        @RegisterExtension
        static final KeyedLockExtension locks = new KeyedLockExtension().withGrace(Duration.ZERO);

        @Autowired
        KeyedLockerRegistry registry;

        @Test
        void leaves() {
            registry.get("orders").tryAcquire("42");
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Transactions {

        @Bean
        PlatformTransactionManager transactionManager() {
            return new NoTransactions();
        }
    }

    /** A transaction manager without resources, which only notifies synchronizations. */
    @SuppressWarnings("serial")
    static class NoTransactions extends AbstractPlatformTransactionManager {

        @Override
        protected Object doGetTransaction() {
            return new Object();
        }

        @Override
        protected void doBegin(Object transaction, TransactionDefinition definition) {}

        @Override
        protected void doCommit(DefaultTransactionStatus status) {}

        @Override
        protected void doRollback(DefaultTransactionStatus status) {}
    }

    abstract static class HoldsUntilTheTransactionEnds {

        @Autowired
        KeyedLockerRegistry registry;

        @Test
        @Transactional
        void holds() {
            Permit permit = registry.get("orders").tryAcquire("42").orElseThrow();
            TransactionSynchronizationManager.registerSynchronization(new TransactionSynchronization() {
                @Override
                public void afterCompletion(int status) {
                    permit.close();
                }
            });
        }
    }

    @ExtendWith(KeyedLockExtension.class)
    @SpringJUnitConfig({Registry.class, Transactions.class})
    static class TransactionalBefore extends HoldsUntilTheTransactionEnds {}

    @SpringJUnitConfig({Registry.class, Transactions.class})
    @ExtendWith(KeyedLockExtension.class)
    static class TransactionalAfter extends HoldsUntilTheTransactionEnds {}

    abstract static class Dirties {

        @Autowired
        FixedRegistry registry;

        @Test
        @DirtiesContext
        void leaves() {
            registry.get("orders").tryAcquire("42");
            registry.add(locker("made meanwhile"));
            registry.get("made meanwhile").tryAcquire("43");
        }
    }

    @ExtendWith(KeyedLockExtension.class)
    @SpringJUnitConfig(Registry.class)
    static class DirtiesBefore extends Dirties {}

    @SpringJUnitConfig(Registry.class)
    @ExtendWith(KeyedLockExtension.class)
    static class DirtiesAfter extends Dirties {}

    abstract static class Closes {

        @Autowired
        ConfigurableApplicationContext context;

        @Test
        @DirtiesContext
        void closes() {
            context.close();
        }
    }

    @ExtendWith(KeyedLockExtension.class)
    @SpringJUnitConfig(Registry.class)
    static class ClosesBefore extends Closes {}

    @SpringJUnitConfig(Registry.class)
    @ExtendWith(KeyedLockExtension.class)
    static class ClosesAfter extends Closes {}

    /** As extensions that start a container for the class. */
    static class Server implements BeforeAllCallback {

        static volatile boolean started;

        @Override
        public void beforeAll(ExtensionContext context) {
            started = true;
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Client {

        @Bean
        FixedRegistry registry() {
            if (!Server.started) {
                throw new IllegalStateException("the server has not been started yet");
            }
            return new FixedRegistry(Map.of());
        }
    }

    @ExtendWith(KeyedLockExtension.class)
    @ExtendWith(Server.class)
    @SpringJUnitConfig(Client.class)
    static class NeedsAServer {

        @Test
        void nothing() {}
    }

    @Configuration(proxyBeanMethods = false)
    static class Empty {}

    @SpringJUnitConfig(Empty.class)
    @ExtendWith(KeyedLockExtension.class)
    static class HasNoRegistry {

        @Test
        void nothing() {}
    }

    @ExtendWith(KeyedLockExtension.class)
    static class HasNoContext {

        @Test
        void nothing() {}
    }
}
