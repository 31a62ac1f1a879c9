// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.actuate.KeyedLocksEndpoint;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.redis.RedisProcess;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

/** Lockers exist from startup until all beans that use them have been destroyed. */
class LockerLifecycleTests {

    private final ApplicationContextRunner contexts = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    AopAutoConfiguration.class,
                    KeyedLockAutoConfiguration.class,
                    KeyedLockAopAutoConfiguration.class,
                    KeyedLockMetricsAutoConfiguration.class,
                    KeyedLockEndpointAutoConfiguration.class,
                    KeyedLockShutdownAutoConfiguration.class,
                    KeyedLockRedisAutoConfiguration.class))
            .withPropertyValues("management.endpoints.web.exposure.include=*");

    /** The source of the locker 'orders'. */
    enum Origin {
        PROPERTY,
        BEAN,
        LAZY_BEAN;

        ApplicationContextRunner in(ApplicationContextRunner contexts) {
            return switch (this) {
                case PROPERTY -> contexts.withPropertyValues("keyedlock.locks.orders.limit=1");
                case BEAN -> contexts.withUserConfiguration(OwnLocker.class);
                case LAZY_BEAN -> contexts.withUserConfiguration(LazyLocker.class);
            };
        }
    }

    @ParameterizedTest
    @EnumSource(Origin.class)
    void executorThatNeedsTheServiceFinishesItsTasksWhenItIsClosed(Origin origin) {
        assertTasksEnd(origin.in(contexts).withUserConfiguration(PoolAfterOrders.class));
    }

    @ParameterizedTest
    @EnumSource(Origin.class)
    void executorThatTheServiceNeedsFinishesItsTasksWhenItIsClosed(Origin origin) {
        assertTasksEnd(origin.in(contexts).withUserConfiguration(PoolBeforeOrders.class));
    }

    /** Connections of Spring Data Redis stop before beans are destroyed, and then no call runs unlocked. */
    @ParameterizedTest
    @ValueSource(classes = {PoolAfterOrders.class, PoolBeforeOrders.class})
    void callsThatComeAfterTheConnectionsHaveStoppedFail(Class<?> configuration) {
        try (RedisProcess redis = new RedisProcess()) {
            contexts.withBean("connections", LettuceConnectionFactory.class, () -> RedisProcess.factory(redis.port()))
                    .withPropertyValues("keyedlock.locks.orders.backend=redis", "keyedlock.defaults.backend=redis")
                    .withUserConfiguration(configuration)
                    .run(context -> {
                        Orders orders = context.getBean(Orders.class);
                        assertThat(orders.ship("42")).isEqualTo("42 shipped");
                        Pool pool = context.getBean(Pool.class);
                        CompletableFuture<String> late = pool.submit(() -> orders.ship("43"));
                        context.close();
                        assertThatThrownBy(late::join).hasCauseInstanceOf(RuntimeException.class);
                        assertThat(redis.leasesAndQueues()).isEmpty();
                    });
        }
    }

    /** The tasks begin when their executor is closed, which is after the drain. */
    private static void assertTasksEnd(ApplicationContextRunner contexts) {
        CompletableFuture<List<String>> all = new CompletableFuture<>();
        contexts.run(context -> {
            Orders orders = context.getBean(Orders.class);
            Pool pool = context.getBean(Pool.class);
            CompletableFuture<String> named = pool.submit(() -> orders.ship("42"));
            CompletableFuture<String> own = pool.submit(() -> orders.bill("42"));
            context.close();
            assertThat(List.of(named, own)).allMatch(CompletableFuture::isDone);
            all.complete(List.of(named.join(), own.join()));
        });
        assertThat(all.join()).containsExactly("42 shipped", "42 billed");
    }

    @ParameterizedTest
    @EnumSource(Origin.class)
    void destroyMethodsMayCallLockedMethods(Origin origin) {
        origin.in(contexts).withUserConfiguration(EndOfDay.class).run(context -> {
            Closing closing = context.getBean(Closing.class);
            context.close();
            assertThat(closing.shipped).isEqualTo("late shipped");
        });
    }

    @Test
    void aLockerWithoutADestroyMethodStaysOpen() {
        KeyedLocker<String> shared =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("shared"));
        contexts.withBean("shared", KeyedLocker.class, () -> shared, definition -> definition.setDestroyMethodName(""))
                .run(context -> assertThat(context).hasNotFailed());
        assertThat(shared.tryAcquire("42")).hasValueSatisfying(Permit::close);
    }

    @Test
    void closingTheContextFromInsideALockedMethodLetsItEnd() {
        contexts.withPropertyValues("keyedlock.locks.orders.limit=1", "keyedlock.shutdown.await-idle=10ms")
                .withUserConfiguration(PoolAfterOrders.class)
                .run(context -> {
                    Orders orders = context.getBean(Orders.class);
                    KeyedLocker<String> locker =
                            context.getBean(KeyedLockerRegistry.class).get("orders");
                    ConfigurableApplicationContext source =
                            context.getSourceApplicationContext(ConfigurableApplicationContext.class);
                    assertThat(orders.ship("42", () -> {
                                source.close();
                                // A holder may acquire its key again.
                                return orders.ship("42");
                            }))
                            .isEqualTo("42 shipped");
                    assertThat(locker.activeKeyCount()).isZero();
                    assertThatExceptionOfType(KeyedLockerClosedException.class).isThrownBy(() -> orders.ship("42"));
                });
    }

    @Test
    void theFirstCallAfterTheCloseFailsLikeAnyOther() {
        contexts.withPropertyValues("keyedlock.locks.orders.limit=1")
                .withUserConfiguration(PoolAfterOrders.class)
                .withBean(SimpleMeterRegistry.class)
                .run(context -> {
                    Orders orders = context.getBean(Orders.class);
                    OrdersContract contract = context.getBean(OrdersContract.class);
                    KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
                    context.close();
                    assertThatExceptionOfType(KeyedLockerClosedException.class).isThrownBy(() -> orders.ship("42"));
                    assertThatExceptionOfType(KeyedLockerClosedException.class).isThrownBy(() -> orders.bill("42"));
                    assertThatExceptionOfType(KeyedLockerClosedException.class).isThrownBy(() -> contract.cancel("42"));
                    assertThatExceptionOfType(KeyedLockerClosedException.class)
                            .isThrownBy(() -> lockers.get("orders").tryAcquire("42"));
                });
    }

    @Test
    void lockersOfAnnotatedMethodsExistFromStartupOn() {
        SimpleMeterRegistry meters = new SimpleMeterRegistry();
        String bill = Orders.class.getName() + ".bill(String)";
        contexts.withPropertyValues("keyedlock.locks.orders.limit=1")
                .withUserConfiguration(PoolAfterOrders.class)
                .withBean(MeterRegistry.class, () -> meters)
                .run(context -> {
                    assertThat(context.getBean(KeyedLockerRegistry.class).names())
                            .contains("orders", bill);
                    assertThat(context.getBean(KeyedLocksEndpoint.class)
                                    .lockers()
                                    .lockers())
                            .containsKeys("orders", bill);
                    assertThat(context.getBean(ContextLockers.class).ofContext())
                            .as("the lockers that the drain awaits")
                            .containsKeys("orders", bill);
                    for (String lock : List.of("orders", bill)) {
                        assertThat(meters.get("keyedlock.acquire")
                                        .tag("lock", lock)
                                        .functionTimers())
                                .hasSizeGreaterThan(1)
                                .extracting(FunctionTimer::count)
                                .containsOnly(0.0);
                        assertThat(meters.get("keyedlock.wait")
                                        .tag("lock", lock)
                                        .timer()
                                        .count())
                                .isZero();
                        assertThat(meters.get("keyedlock.long.holds")
                                        .tag("lock", lock)
                                        .functionCounter()
                                        .count())
                                .isZero();
                        assertThat(meters.get("keyedlock.holders")
                                        .tag("lock", lock)
                                        .gauge()
                                        .value())
                                .isZero();
                    }
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {BeanDefinition.SCOPE_PROTOTYPE, BeanDefinition.SCOPE_SINGLETON})
    void lockersOfLazyBeansAndPrototypesExistFromTheFirstInstanceOn(String scope) {
        String lock = Returns.class.getName() + ".take(String)";
        contexts.withBean(Returns.class, Returns::new, definition -> {
                    definition.setLazyInit(true);
                    definition.setScope(scope);
                })
                .run(context -> {
                    KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
                    assertThat(lockers.names()).isEmpty();
                    assertThat(context.getBean(Returns.class)).isNotNull();
                    assertThat(lockers.names()).containsExactly(lock);
                });
    }

    static class Returns {

        @KeyedLock(key = "#id")
        public String take(String id) {
            return id;
        }
    }

    interface OrdersContract {

        String cancel(String id);
    }

    static class Orders implements OrdersContract {

        @KeyedLock(name = "orders", key = "#id")
        public String ship(String id) {
            return id + " shipped";
        }

        @KeyedLock(name = "orders", key = "#id")
        public String ship(String id, Supplier<String> body) {
            return body.get();
        }

        @KeyedLock(key = "#id")
        public String bill(String id) {
            return id + " billed";
        }

        @Override
        @KeyedLock(key = "#id")
        public String cancel(String id) {
            return id + " cancelled";
        }
    }

    /** Completes its tasks when closed, like executors of newer JDKs. */
    static final class Pool implements AutoCloseable {

        private final CountDownLatch closing = new CountDownLatch(1);
        private final ExecutorService threads = Executors.newCachedThreadPool();

        CompletableFuture<String> submit(Supplier<String> task) {
            return CompletableFuture.supplyAsync(
                    () -> {
                        try {
                            closing.await();
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                        return task.get();
                    },
                    threads);
        }

        @Override
        public void close() {
            closing.countDown();
            threads.shutdown();
            try {
                assertThat(threads.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class PoolAfterOrders {

        @Bean
        Orders service() {
            return new Orders();
        }

        @Bean
        Pool pool(Orders service) {
            assertThat(service).isNotNull();
            return new Pool();
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class PoolBeforeOrders {

        @Bean
        Pool pool() {
            return new Pool();
        }

        @Bean
        Orders service(Pool pool) {
            assertThat(pool).isNotNull();
            return new Orders();
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class OwnLocker {

        @Bean
        KeyedLocker<String> orders() {
            return KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class LazyLocker {

        @Bean
        @Lazy
        KeyedLocker<String> orders() {
            return KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class EndOfDay {

        @Bean
        Orders service() {
            return new Orders();
        }

        @Bean
        Closing closing(Orders service) {
            return new Closing(service);
        }
    }

    static class Closing implements DisposableBean {

        private final Orders orders;
        private volatile String shipped = "";

        Closing(Orders orders) {
            this.orders = orders;
        }

        @Override
        public void destroy() {
            shipped = orders.ship("late");
        }
    }
}
