// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.never;
import static org.mockito.Mockito.verify;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.NoSuchKeyedLockerException;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;

@ExtendWith(OutputCaptureExtension.class)
class KeyedLockAutoConfigurationTests {

    private final ApplicationContextRunner contexts =
            new ApplicationContextRunner().withConfiguration(AutoConfigurations.of(KeyedLockAutoConfiguration.class));

    @Test
    void everyConfiguredNameIsALockerBean() {
        contexts.withPropertyValues("keyedlock.locks.orders.limit=3", "keyedlock.locks.tenants.fair=true")
                .run(context -> {
                    KeyedLocker<?> orders = context.getBean("orders", KeyedLocker.class);
                    assertThat(orders.name()).isEqualTo("orders");
                    assertThat(orders.settings().limit()).isEqualTo(3);
                    assertThat(context.getBean("tenants", KeyedLocker.class)
                                    .settings()
                                    .fair())
                            .isTrue();
                });
    }

    @Test
    void lockersOfAnyKeyTypeAreInjectedByQualifierNameAndMap() {
        contexts.withPropertyValues("keyedlock.locks.orders.limit=3", "keyedlock.locks.tenants.limit=2")
                .withUserConfiguration(Injected.class)
                .run(context -> {
                    Injected.Service service = context.getBean(Injected.Service.class);
                    assertThat(service.qualified().name()).isEqualTo("orders");
                    assertThat(service.tenants().name()).isEqualTo("tenants");
                    assertThat(service.all()).containsOnlyKeys("orders", "tenants");
                });
    }

    @Test
    void aLockerFallsBackToTheDefaultsAndThoseToTheBuiltInValues() {
        contexts.withPropertyValues(
                        "keyedlock.defaults.limit=2",
                        "keyedlock.defaults.wait-time=forever",
                        "keyedlock.defaults.max-waiters=5",
                        "keyedlock.locks.orders.max-waiters=unbounded",
                        "keyedlock.locks.orders.reentrant=false",
                        "keyedlock.long-hold.threshold=5s",
                        "keyedlock.show-keys=false")
                .run(context -> assertThat(
                                context.getBean("orders", KeyedLocker.class).settings())
                        .isEqualTo(KeyedLockerSettings.defaults()
                                .withName("orders")
                                .withLimit(2)
                                .withReentrant(false)
                                .withWaitTime(KeyedLockerSettings.FOREVER)
                                .withLongHold(Duration.ofSeconds(5))
                                .withShowKeys(false)));
        contexts.withPropertyValues("keyedlock.locks.orders.limit=1")
                .run(context -> assertThat(
                                context.getBean("orders", KeyedLocker.class).settings())
                        .isEqualTo(KeyedLockerSettings.defaults()
                                .withName("orders")
                                .withWaitTime(Duration.ofSeconds(30))));
    }

    @Test
    void dottedNamesAreWrittenInBrackets() {
        contexts.withPropertyValues("keyedlock.locks[a.b].limit=3")
                .run(context -> assertThat(context.getBean("a.b", KeyedLocker.class)
                                .settings()
                                .limit())
                        .isEqualTo(3));
    }

    @Test
    void aLockerBeanOfTheApplicationTakesPrecedence() {
        contexts.withPropertyValues("keyedlock.locks.orders.limit=3")
                .withUserConfiguration(OwnOrders.class)
                .run(context -> {
                    assertThat(context.getBean("orders")).isSameAs(context.getBean(OwnOrders.class).locker);
                    assertThat(context.getBean(KeyedLockerRegistry.class).<String>get("orders"))
                            .isSameAs(context.getBean(OwnOrders.class).locker);
                });
    }

    @Test
    void theRegistryContainsConfiguredLockersBeansAndThoseOfAnnotatedMethods() {
        contexts.withPropertyValues("keyedlock.locks.tenants.limit=3")
                .withUserConfiguration(OwnOrders.class)
                .run(context -> {
                    ContextLockers registry = context.getBean(ContextLockers.class);
                    KeyedLocker<Object> own = registry.own("Service.method()", OptionalInt.of(4));
                    assertThat(registry.names()).containsExactly("Service.method()", "orders", "tenants");
                    assertThat(registry.existing()).containsOnlyKeys("Service.method()", "orders", "tenants");
                    assertThat(registry.get("Service.method()")).isSameAs(own);
                    assertThat(registry.find("other")).isEmpty();
                    assertThat(own.settings().limit()).isEqualTo(4);
                    assertThat(own.settings().waitTime()).isEqualTo(Duration.ofSeconds(30));
                    assertThat(context.getBeansOfType(KeyedLocker.class)).containsOnlyKeys("orders", "tenants");
                });
    }

    @Test
    void anUnknownNameIsReportedWithTheExistingOnesAndWhatToWrite() {
        contexts.withPropertyValues("keyedlock.locks.tenants.limit=3")
                .run(context -> assertThatExceptionOfType(NoSuchKeyedLockerException.class)
                        .isThrownBy(
                                () -> context.getBean(KeyedLockerRegistry.class).get("orders"))
                        .withMessageContaining("tenants")
                        .withMessageContaining("keyedlock.locks.orders.limit: 1"));
    }

    @Test
    void oneOwnLockerHasOneLimit() {
        contexts.run(context -> {
            ContextLockers registry = context.getBean(ContextLockers.class);
            KeyedLocker<Object> own = registry.own("Service.method()", OptionalInt.empty());
            assertThat(registry.<Object>own("Service.method()", OptionalInt.of(1)))
                    .isSameAs(own);
            assertThatIllegalStateException()
                    .isThrownBy(() -> registry.own("Service.method()", OptionalInt.of(2)))
                    .withMessageContaining("limit 1")
                    .withMessageContaining("limit 2");
        });
    }

    @Test
    void ofOwnLockersCreatedConcurrentlyTheFirstStaysAndTheOtherIsClosed() {
        Backends backends = new Backends();
        contexts.withBean(ContextLockers.BACKENDS, LockerBackends.class, () -> backends)
                .withPropertyValues("keyedlock.defaults.backend=redis")
                .run(context -> {
                    ContextLockers registry = context.getBean(ContextLockers.class);
                    // On the same thread, as for a bean that is created for a locker.
                    backends.onFirst = () -> registry.own("Service.method()", OptionalInt.empty());
                    KeyedLocker<Object> own = registry.own("Service.method()", OptionalInt.empty());
                    assertThat(registry.<Object>own("Service.method()", OptionalInt.empty()))
                            .isSameAs(own);
                    assertThat(backends.made).hasSize(2);
                    assertThat(own.backend()).contains(backends.made.get(1));
                    verify(backends.made.get(0)).close();
                    verify(backends.made.get(1), never()).close();
                });
        verify(backends.made.get(1)).close();
    }

    @Test
    void aLockerWhoseListenersFailLeavesNoBackendOpen() {
        Backends backends = new Backends();
        contexts.withBean(ContextLockers.BACKENDS, LockerBackends.class, () -> backends)
                .withBean(
                        "audit",
                        KeyedLockerListener.class,
                        () -> {
                            throw new IllegalStateException("no audit today");
                        },
                        definition -> {
                            definition.setRole(BeanDefinition.ROLE_INFRASTRUCTURE);
                            definition.setLazyInit(true);
                        })
                .withPropertyValues("keyedlock.locks.orders.backend=redis")
                .run(context -> assertThat(context).getFailure().rootCause().hasMessage("no audit today"));
        assertThat(backends.made).hasSize(1);
        verify(backends.made.get(0)).close();
    }

    /** Counts the created backends. */
    private static final class Backends implements LockerBackends {

        private final List<KeyedLockerBackend> made = new ArrayList<>();
        private Runnable onFirst = () -> {};

        @Override
        public KeyedLockerBackend create(KeyedLockerSettings settings, BackendChoice choice) {
            KeyedLockerBackend backend = mock(KeyedLockerBackend.class);
            made.add(backend);
            if (made.size() == 1) {
                onFirst.run();
            }
            return backend;
        }
    }

    @Test
    void aRegistryOfTheApplicationTakesPrecedence() {
        KeyedLockerRegistry own = new KeyedLockerRegistry() {
            @Override
            public <K> KeyedLocker<K> get(String name) {
                throw new NoSuchKeyedLockerException(name, Set.of());
            }

            @Override
            public <K> java.util.Optional<KeyedLocker<K>> find(String name) {
                return java.util.Optional.empty();
            }

            @Override
            public Set<String> names() {
                return Set.of();
            }
        };
        contexts.withBean("own", KeyedLockerRegistry.class, () -> own)
                .run(context ->
                        assertThat(context.getBean(KeyedLockerRegistry.class)).isSameAs(own));
    }

    @Test
    void aLockerBeanWithADifferentNameCausesAWarning(CapturedOutput output) {
        contexts.withBean("orders", KeyedLocker.class, () -> KeyedLocker.create())
                .run(context -> assertThat(output).contains("'orders' has the name 'default'"));
    }

    @Test
    void lazyLockerBeansAreListedByNameAndCreatedOnDemand() {
        contexts.withUserConfiguration(LazyOrders.class).run(context -> {
            ContextLockers registry = context.getBean(ContextLockers.class);
            assertThat(registry.names()).containsExactly("orders");
            assertThat(registry.existing()).isEmpty();
            KeyedLocker<String> orders = registry.get("orders");
            assertThat(registry.existing()).containsValue(orders);
        });
    }

    @Test
    void closingTheContextClosesItsLockersAndNoOthers() {
        contexts.withPropertyValues("keyedlock.locks.orders.limit=1").run(first -> {
            KeyedLocker<Object> firstOrders =
                    first.getBean(KeyedLockerRegistry.class).get("orders");
            KeyedLocker<Object> firstOwn =
                    first.getBean(ContextLockers.class).own("Service.method()", OptionalInt.empty());
            contexts.withPropertyValues("keyedlock.locks.orders.limit=2").run(second -> {
                KeyedLocker<Object> secondOrders =
                        second.getBean(KeyedLockerRegistry.class).get("orders");
                assertThat(secondOrders).isNotSameAs(firstOrders);
                first.close();
                assertThatExceptionOfType(KeyedLockerClosedException.class)
                        .isThrownBy(() -> firstOrders.tryAcquire("42"));
                assertThatExceptionOfType(KeyedLockerClosedException.class).isThrownBy(() -> firstOwn.tryAcquire("42"));
                assertThat(secondOrders.tryAcquire("42")).hasValueSatisfying(Permit::close);
            });
        });
    }

    @Test
    void lockersAndRegistryExistWhenTheRestIsDisabled() {
        contexts.withPropertyValues("keyedlock.enabled=false", "keyedlock.locks.orders.limit=1")
                .run(context -> assertThat(
                                context.getBean(KeyedLockerRegistry.class).names())
                        .containsExactly("orders"));
    }

    @Test
    void aMapWithoutKeyTypeHasConfiguredLockersAndThoseOfTheApplication() {
        contexts.withPropertyValues("keyedlock.locks.tenants.limit=2")
                .withUserConfiguration(OwnOrders.class, Report.class)
                .run(context ->
                        assertThat(context.getBean(Report.class).lockers).containsOnlyKeys("orders", "tenants"));
    }

    @Test
    void conditionsMatchThePropertyOfALockerAndNotItsBean() {
        contexts.withPropertyValues("keyedlock.locks.orders.limit=1")
                .withUserConfiguration(Conditional.class)
                .run(context -> assertThat(context).hasBean("byProperty").doesNotHaveBean("byBean"));
        contexts.withUserConfiguration(Conditional.class)
                .run(context -> assertThat(context).doesNotHaveBean("byProperty"));
    }

    @Configuration(proxyBeanMethods = false)
    static class Conditional {

        @Bean
        @ConditionalOnBean(name = "orders")
        String byBean() {
            return "";
        }

        @Bean
        @ConditionalOnProperty("keyedlock.locks.orders.limit")
        String byProperty() {
            return "";
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Report {

        private final Map<String, KeyedLocker<?>> lockers;

        Report(Map<String, KeyedLocker<?>> lockers) {
            this.lockers = lockers;
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Injected {

        record Service(KeyedLocker<String> qualified, KeyedLocker<Long> tenants, Map<String, KeyedLocker<?>> all) {}

        @Bean
        Service service(
                @Qualifier("orders") KeyedLocker<String> qualified,
                KeyedLocker<Long> tenants,
                Map<String, KeyedLocker<?>> all) {
            return new Service(qualified, tenants, all);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class OwnOrders {

        private final KeyedLocker<String> locker =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));

        @Bean
        KeyedLocker<String> orders() {
            return locker;
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class LazyOrders {

        @Bean
        @Lazy
        KeyedLocker<String> orders() {
            return KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));
        }
    }
}
