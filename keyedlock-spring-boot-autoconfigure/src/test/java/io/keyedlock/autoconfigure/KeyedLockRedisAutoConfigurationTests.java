// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockBackendException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.integration.IntegrationLockRegistry;
import io.keyedlock.lease.KeyEncoder;
import io.keyedlock.redis.RedisProcess;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.Lock;
import org.assertj.core.util.Throwables;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.NoUniqueBeanDefinitionException;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.data.redis.connection.jedis.JedisConnectionFactory;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;

/** Lockers that one line of configuration puts on Redis. */
@ExtendWith(OutputCaptureExtension.class)
class KeyedLockRedisAutoConfigurationTests {

    private static RedisProcess redis;

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    AopAutoConfiguration.class,
                    KeyedLockAutoConfiguration.class,
                    KeyedLockAopAutoConfiguration.class,
                    KeyedLockMetricsAutoConfiguration.class,
                    KeyedLockRedisAutoConfiguration.class));

    private final ApplicationContextRunner withClient = runner.withBean(
                    "connections", LettuceConnectionFactory.class, () -> RedisProcess.factory(redis.port()))
            // The first call connects, which may take longer than the default on a busy machine.
            .withPropertyValues(
                    "keyedlock.locks.orders.backend=redis",
                    "keyedlock.locks.orders.backend-timeout=60s",
                    "keyedlock.defaults.backend-timeout=60s");

    @BeforeAll
    static void start() {
        redis = new RedisProcess();
    }

    @AfterAll
    static void stop() {
        redis.close();
    }

    @Test
    void oneLineIsEnough() {
        withClient.run(one -> withClient.run(other -> {
            KeyedLocker<String> here = one.getBean(KeyedLockerRegistry.class).get("orders");
            KeyedLocker<String> there = other.getBean(KeyedLockerRegistry.class).get("orders");
            assertThat(here.backend().map(KeyedLockerBackend::name)).contains("redis");
            try (Permit permit = here.acquire("42")) {
                assertThat(permit.fencingToken()).isPresent();
                assertThat(there.tryAcquire("42")).isEmpty();
            }
            there.acquire("42", Duration.ofSeconds(30)).close();
        }));
    }

    @Test
    void lockersAreLocalByDefault() {
        withClient.withPropertyValues("keyedlock.locks.tenants.limit=3").run(context -> {
            KeyedLocker<?> tenants = context.getBean("tenants", KeyedLocker.class);
            assertThat(tenants.backend()).isEmpty();
        });
    }

    @Test
    void lockersOfAnnotatedMethodsFollowTheDefaults() {
        withClient
                .withPropertyValues("keyedlock.defaults.backend=redis")
                .withBean(Shop.class)
                .run(context -> {
                    assertThat(context.getBean(Shop.class).ship("42")).isEqualTo("42 shipped");
                    KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
                    assertThat(lockers.names()).hasSize(2);
                    for (String name : lockers.names()) {
                        assertThat(lockers.get(name).backend()).isPresent();
                    }
                });
    }

    static class Shop {
        @KeyedLock(key = "#order")
        public String ship(String order) {
            return order + " shipped";
        }
    }

    @Test
    void theStateOfTheBackendIsAMeter() {
        withClient
                .withBean(MeterRegistry.class, SimpleMeterRegistry::new)
                .run(context -> assertThat(context.getBean(MeterRegistry.class)
                                .get("keyedlock.backend.up")
                                .tag("lock", "orders")
                                .gauge()
                                .value())
                        .isEqualTo(1));
    }

    @Test
    void lockersAreClosedBeforeTheirClient(CapturedOutput output) {
        KeyedLocker<?>[] locker = new KeyedLocker<?>[1];
        withClient
                .withPropertyValues("keyedlock.defaults.backend=redis")
                .withBean(Shop.class)
                .run(context -> {
                    context.getBean(Shop.class).ship("42");
                    locker[0] = context.getBean("orders", KeyedLocker.class);
                });
        assertThatThrownBy(() -> acquire(locker[0])).isInstanceOf(KeyedLockerClosedException.class);
        assertThat(output).doesNotContain("cannot be reached");
    }

    @SuppressWarnings("unchecked") // any key type is accepted
    private static void acquire(KeyedLocker<?> locker) throws InterruptedException {
        ((KeyedLocker<Object>) locker).acquire("k").close();
    }

    @Test
    void theApplicationsKeyEncoderIsUsed() {
        withClient.withBean(KeyEncoder.class, () -> key -> "custom").run(context -> {
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            assertThat(orders.backend().orElseThrow().keyName(new Object())).isEqualTo("custom");
        });
    }

    @Test
    void ofMultipleKeyEncodersOneMustBePrimary() {
        ApplicationContextRunner two = withClient.withBean("one", KeyEncoder.class, () -> key -> "one");
        two.withBean("other", KeyEncoder.class, () -> key -> "other")
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .isInstanceOf(NoUniqueBeanDefinitionException.class));
        two.withBean("other", KeyEncoder.class, () -> key -> "other", definition -> definition.setPrimary(true))
                .run(context -> {
                    KeyedLocker<Object> orders =
                            context.getBean(KeyedLockerRegistry.class).get("orders");
                    assertThat(orders.backend().orElseThrow().keyName(1)).isEqualTo("other");
                });
    }

    @Test
    void ofMultipleClientsOneMustBePrimary() {
        withClient
                .withBean("second", LettuceConnectionFactory.class, () -> RedisProcess.factory(redis.port()))
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .isInstanceOf(MissingBackendException.class)
                        .hasMessageContaining(
                                "no ReactiveRedisConnectionFactory bean, or there are several and none is primary"));
    }

    @Test
    void anArrayInAnAnnotationHasTheNameOfTheListOfItsElements() {
        withClient.withBean(Arrays.class).run(context -> {
            KeyedLockerBackend backend = context.getBean(KeyedLockerRegistry.class)
                    .get("orders")
                    .backend()
                    .orElseThrow();
            assertThat(context.getBean(Arrays.class).keyOf(context.getBean(KeyedLockerRegistry.class), "a", "b"))
                    .extracting(backend::keyName)
                    .isEqualTo(backend.keyName(List.of("a", "b")));
        });
    }

    static class Arrays {
        @KeyedLock(name = "orders", key = "#ids")
        public Object keyOf(KeyedLockerRegistry lockers, String... ids) {
            return lockers.get("orders").activeKeys().iterator().next();
        }
    }

    @Test
    void messagesOfAKeyEncoderAreShownOnlyIfKeysAre() {
        ApplicationContextRunner failing = withClient.withBean(KeyEncoder.class, () -> key -> {
            if (key instanceof Number) {
                return KeyEncoder.standard().encode(new Object[] {key});
            }
            throw new IllegalStateException("unknown: " + key, new NumberFormatException("not a number: " + key));
        });
        failing.withPropertyValues("keyedlock.show-keys=true").run(context -> {
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            assertThatThrownBy(() -> orders.acquire("secret"))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("unknown: secret");
        });
        failing.withPropertyValues("keyedlock.show-keys=false").run(context -> {
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            assertThatThrownBy(() -> orders.acquire("secret"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("A key of 'orders'")
                    .hasMessageContaining(IllegalStateException.class.getName())
                    .satisfies(failure ->
                            assertThat(Throwables.getStackTrace(failure)).doesNotContain("secret"));
            // Types without a name need no redaction.
            assertThatThrownBy(() -> orders.acquire(1)).hasMessageContaining("Use a list in place of the array");
        });
    }

    @Test
    void aKeyWithoutANameFailsTheCall() {
        withClient.run(context -> {
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            assertThatThrownBy(() -> orders.acquire(new Object()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("java.lang.Object");
            assertThat(orders.activeKeyCount()).isZero();
        });
    }

    @Test
    void withFailFastTheStartNeedsRedis() {
        ApplicationContextRunner nowhere = runner.withBean(
                        "connections", LettuceConnectionFactory.class, () -> RedisProcess.factory(1))
                .withPropertyValues(
                        "keyedlock.locks.orders.backend=redis", "keyedlock.locks.orders.backend-timeout=200ms");
        nowhere.withPropertyValues("keyedlock.locks.orders.fail-fast=true")
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .satisfies(failure -> assertThat(context.getStartupFailure())
                                .hasStackTraceContaining(LockBackendException.class.getName())
                                .hasStackTraceContaining("Locker 'orders' cannot use redis")));
        nowhere.run(context -> {
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            assertThatThrownBy(() -> orders.acquire("42")).isInstanceOf(LockBackendException.class);
            assertThat(orders.activeKeyCount()).isZero();
        });
    }

    @Test
    void withFailFastByDefaultTheStartNeedsRedisBeforeAnyLockerExists() {
        ApplicationContextRunner nowhere = runner.withBean(
                        "connections", LettuceConnectionFactory.class, () -> RedisProcess.factory(1))
                .withPropertyValues("keyedlock.defaults.backend=redis", "keyedlock.defaults.backend-timeout=200ms")
                .withBean(Shop.class, Shop::new, definition -> definition.setLazyInit(true));
        nowhere.withPropertyValues("keyedlock.defaults.fail-fast=true")
                .run(context -> assertThat(context)
                        .getFailure()
                        .isInstanceOf(LockBackendException.class)
                        .hasMessageContaining("'keyedlock.defaults' cannot use redis"));
        nowhere.run(context -> assertThat(context).hasNotFailed());
        nowhere.withPropertyValues("keyedlock.defaults.fail-fast=true", "keyedlock.enabled=false")
                .run(context -> assertThat(context).hasNotFailed());
    }

    @Test
    void withFailFastByDefaultTheStartLeavesNothingInRedis() {
        withClient
                .withPropertyValues("keyedlock.defaults.backend=redis", "keyedlock.defaults.fail-fast=true")
                .withBean(Shop.class)
                .run(context -> {
                    assertThat(context.getBean(KeyedLockerRegistry.class).names())
                            .containsExactlyInAnyOrder("orders", Shop.class.getName() + ".ship(String)");
                    assertThat(redis.keys()).noneMatch(key -> key.contains("defaults"));
                    assertThat(context.getBean(Shop.class).ship("42")).isEqualTo("42 shipped");
                });
    }

    @Test
    void jedisIsRejectedWithWhatToUse(CapturedOutput output) {
        runner.withBean(JedisConnectionFactory.class, JedisConnectionFactory::new)
                .withPropertyValues("keyedlock.locks.orders.backend=redis")
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .isInstanceOf(MissingBackendException.class)
                        .satisfies(failure -> assertThat(new MissingBackendFailureAnalyzer()
                                        .analyze(context.getStartupFailure())
                                        .getAction())
                                .contains("Jedis is not supported")));
    }

    @Test
    void applicationsMayShareAServerUnderTheirPrefixes() {
        withClient
                .withPropertyValues("keyedlock.redis.prefix=shop")
                .run(shop -> withClient.run(other -> {
                    KeyedLocker<String> here =
                            shop.getBean(KeyedLockerRegistry.class).get("orders");
                    KeyedLocker<String> there =
                            other.getBean(KeyedLockerRegistry.class).get("orders");
                    try (Permit mine = here.acquire("42");
                            Permit theirs = there.acquire("42")) {
                        assertThat(mine.fencingToken()).isPresent();
                        assertThat(theirs.fencingToken()).isPresent();
                        assertThat(redis.keys())
                                .contains("shop:v1:{orders}:holders:s:42", "keyedlock:v1:{orders}:holders:s:42");
                    }
                }));
        withClient
                .withPropertyValues("keyedlock.redis.prefix={a}")
                .run(context -> assertThat(context).getFailure().rootCause().hasMessageContaining("braces"));
    }

    @Test
    void withoutAClientTheStartFailsBeforeAnyLockerExists() {
        runner.withPropertyValues("keyedlock.defaults.backend=redis")
                .withBean(Shop.class, Shop::new, definition -> definition.setLazyInit(true))
                .run(context -> assertThat(context)
                        .getFailure()
                        .isInstanceOf(MissingBackendException.class)
                        .hasMessageContaining("keyedlock.defaults"));
    }

    @Test
    void withoutAClientTheStartFailsWithWhatToAdd(CapturedOutput output) {
        SpringApplication application = new SpringApplication(Plain.class);
        application.setWebApplicationType(WebApplicationType.NONE);
        assertThatThrownBy(() -> application
                        .run("--keyedlock.locks.orders.backend=redis")
                        .close())
                .hasStackTraceContaining("MissingBackendException");
        assertThat(output)
                .contains("Locker 'orders' is configured with backend 'redis'")
                .contains("spring-boot-starter-data-redis")
                .contains("ReactiveRedisConnectionFactory");
    }

    @Configuration
    @org.springframework.boot.autoconfigure.ImportAutoConfiguration({
        KeyedLockAutoConfiguration.class,
        KeyedLockRedisAutoConfiguration.class
    })
    static class Plain {}

    @Test
    void springDataRedisIsOptional() {
        runner.withClassLoader(new FilteredClassLoader("org.springframework.data.redis"))
                .withPropertyValues("keyedlock.locks.orders.limit=1")
                .run(context -> assertThat(context).hasNotFailed().hasBean("orders"));
    }

    @Test
    void flowsOfSpringIntegrationAcquireTheirLocksFromALocker() {
        withClient.withUserConfiguration(Flows.class).run(context -> {
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            Lock lock = context.getBean(IntegrationLockRegistry.class).obtain("42");
            lock.lock();
            try {
                assertThat(orders.snapshot("42").orElseThrow().holders()).hasSize(1);
                context.getBean(IntegrationLockRegistry.class)
                        .executeLocked(
                                "42",
                                () -> assertThat(orders.isHeldBy(Thread.currentThread()))
                                        .isTrue());
            } finally {
                lock.unlock();
            }
            assertThat(orders.isActive("42")).isFalse();
        });
    }

    @Configuration
    static class Flows {
        @Bean
        IntegrationLockRegistry lockRegistry(
                @org.springframework.beans.factory.annotation.Qualifier("orders") KeyedLocker<Object> orders) {
            return new IntegrationLockRegistry(orders);
        }
    }
}
