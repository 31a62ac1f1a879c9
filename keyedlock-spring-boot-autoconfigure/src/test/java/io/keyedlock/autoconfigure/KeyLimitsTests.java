// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.core.annotation.Order;

/** Limits of individual keys from properties and beans. */
@ExtendWith(OutputCaptureExtension.class)
class KeyLimitsTests {

    private final ApplicationContextRunner contexts = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    AopAutoConfiguration.class, KeyedLockAutoConfiguration.class, KeyedLockAopAutoConfiguration.class));

    private final ApplicationContextRunner tenants = contexts.withPropertyValues(
            "keyedlock.locks.tenants.limit=2",
            "keyedlock.locks.tenants.limits.premium=4",
            "keyedlock.locks.tenants.limits[acme corp]=3",
            "keyedlock.locks.tenants.limits[[a]/b]=5",
            "keyedlock.locks.tenants.limits.42=1",
            "keyedlock.locks.other.limit=1");

    /** Returns the number of callers that a key admits at once. */
    private static int admitted(KeyedLocker<Object> locker, Object key) {
        List<Permit> permits = new ArrayList<>();
        for (CompletableFuture<Permit> next = locker.tryAcquireAsync(key);
                !next.isCompletedExceptionally();
                next = locker.tryAcquireAsync(key)) {
            permits.add(next.join());
        }
        permits.forEach(Permit::close);
        return permits.size();
    }

    @Test
    void propertiesLimitKeysByTheirText() {
        tenants.run(context -> {
            KeyedLocker<Object> locker =
                    context.getBean(KeyedLockerRegistry.class).get("tenants");
            assertThat(admitted(locker, "premium")).isEqualTo(4);
            assertThat(admitted(locker, "acme corp")).isEqualTo(3);
            assertThat(admitted(locker, "[a]/b")).isEqualTo(5);
            assertThat(admitted(locker, 42L)).isEqualTo(1);
            assertThat(admitted(locker, "free")).isEqualTo(2);
            locker.setLimit(3);
            assertThat(admitted(locker, "free")).isEqualTo(3);
            assertThat(admitted(locker, "premium")).isEqualTo(4);
            assertThat(admitted(context.getBean(KeyedLockerRegistry.class).get("other"), "premium"))
                    .isEqualTo(1);
        });
    }

    @Test
    void lockerReplacesTheLimitsOfTheDefaults() {
        tenants.withPropertyValues("keyedlock.defaults.limits.premium=7", "keyedlock.defaults.limits.free=6")
                .withBean(Annotated.class)
                .run(context -> {
                    KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
                    assertThat(admitted(lockers.get("tenants"), "premium")).isEqualTo(4);
                    assertThat(admitted(lockers.get("tenants"), "free")).isEqualTo(6);
                    assertThat(admitted(lockers.get(Annotated.class.getName() + ".call(String)"), "premium"))
                            .isEqualTo(7);
                });
    }

    @Test
    void beansLimitKeysInTheirOrderAfterTheProperties() {
        Beans.MADE.set(0);
        tenants.withUserConfiguration(Beans.class).run(context -> {
            KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
            KeyedLocker<Object> locker = lockers.get("tenants");
            assertThat(Beans.MADE).hasValue(0);
            assertThat(admitted(locker, "premium")).isEqualTo(4);
            assertThat(Beans.MADE).hasValue(0);
            assertThat(admitted(locker, "gold")).isEqualTo(8);
            assertThat(Beans.MADE).hasValue(1);
            assertThat(admitted(locker, "silver")).isEqualTo(5);
            assertThat(admitted(locker, "free")).isEqualTo(2);
            assertThat(admitted(lockers.get("other"), "gold")).isEqualTo(1);
        });
    }

    @Test
    void beanThatReturnsNoLimitIsReportedOnceAndTheLockersLimitApplies(CapturedOutput output) {
        tenants.withUserConfiguration(Beans.class).run(context -> {
            KeyedLocker<Object> locker =
                    context.getBean(KeyedLockerRegistry.class).get("tenants");
            assertThat(admitted(locker, "zero")).isEqualTo(2);
            assertThat(admitted(locker, "zero")).isEqualTo(2);
            assertThat(output.getAll().split("returned 0. Return 1 or more", -1))
                    .hasSize(2);
        });
    }

    @Test
    void lockersWithoutLimitsOfKeysHaveNoFunction() {
        contexts.withPropertyValues("keyedlock.locks.plain.limit=2").run(context -> {
            KeyedLocker<Object> locker =
                    context.getBean(KeyedLockerRegistry.class).get("plain");
            assertThat(locker.settings())
                    .isEqualTo(context.getBean(KeyedLockerRegistry.class)
                            .get("plain")
                            .settings());
            assertThat(locker.settings().keyLimits()).isNotInstanceOf(ConfiguredLimits.class);
        });
    }

    @ParameterizedTest
    @CsvSource({
        "keyedlock.locks.tenants.limits.acme, 0",
        "keyedlock.locks.tenants.limits.acme, -3",
        "keyedlock.defaults.limits.acme, 0",
    })
    void limitThatAdmitsNobodyFailsTheStart(String property, String value) {
        contexts.withPropertyValues(property + "=" + value)
                .run(context -> assertThat(context)
                        .getFailure()
                        .hasMessageContaining(property)
                        .hasMessageContaining("1 or more"));
    }

    static class Annotated {
        @KeyedLock(key = "#id")
        public void call(String id) {}
    }

    @Configuration(proxyBeanMethods = false)
    static class Beans {

        static final AtomicInteger MADE = new AtomicInteger();

        @Bean
        @Lazy
        @Order(1)
        KeyLimits first() {
            MADE.incrementAndGet();
            return (lockName, key) ->
                    lockName.equals("tenants") && key.equals("gold") ? OptionalInt.of(8) : OptionalInt.empty();
        }

        @Bean
        @Order(2)
        KeyLimits second() {
            return (lockName, key) -> switch (lockName + " " + key) {
                case "tenants gold", "tenants silver" -> OptionalInt.of(5);
                case "tenants zero" -> OptionalInt.of(0);
                default -> OptionalInt.empty();
            };
        }
    }
}
