// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.Permit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.BeanNotOfRequiredTypeException;
import org.springframework.beans.factory.support.StaticListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.Environment;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;

/** Any configuration yields a working context or a failure that names the property and what to write instead. */
class ConfigurationByTheThousandTests {

    private static final List<String> NAMES = List.of(
            "orders",
            "orderItems",
            "order-items",
            "ORDERITEMS",
            "a.b",
            "a/b",
            "..",
            "%2e",
            "ключ",
            "\uD83D\uDD12",
            "0",
            "-",
            "_",
            "limit",
            "defaults",
            "x".repeat(1_000));

    /** Names with a meaning to Spring, and unusual ones. */
    private static final List<String> ODD_NAMES = List.of(
            "&orders",
            "scopedTarget.orders",
            "environment",
            "messageSource",
            "applicationEventMulticaster",
            "lifecycleProcessor",
            "conversionService",
            "keyedLockerRegistry",
            "keyedLockAdvisor",
            " ",
            "\t",
            "a\nb",
            "\u0000",
            "\uD800",
            "a]b",
            "[");

    /** Valid and invalid properties of a locker. */
    private static final List<String> SETTINGS = Stream.concat(
                    ConfigurationMetadataTests.OF_LOCKER.stream(),
                    Stream.of("waitTime", "limt", "limit.limit", "limit[0]", ""))
            .toList();

    private static final List<String> OTHERS = List.of(
            "enabled",
            "defaults",
            "locks",
            "locks[0]",
            "aop",
            "aop.order",
            "release",
            "executor",
            "validation",
            "deadlock-detection",
            "long-hold",
            "long-hold.threshold",
            "show-keys",
            "metrics.hold",
            "observations",
            "shutdown.await-idle",
            "shutdown.reject-new",
            "shutdown.phase",
            "web.problem-details",
            "web.show-keys",
            "owner",
            "redis.prefix",
            "jdbc.initialize-schema",
            "jdbc.table-prefix",
            "no.such.property",
            "");

    private static final List<String> VALUES = List.of(
            "",
            " ",
            "0",
            "1",
            "-1",
            "3",
            "2147483647",
            "2147483648",
            "99999999999999999999",
            "1.5",
            "1e3",
            "0x10",
            "٣",
            "many",
            "true",
            "TRUE",
            "yes",
            "off",
            "maybe",
            "null",
            "forever",
            "Forever ",
            "unbounded",
            "local",
            "LOCAL",
            "abacus",
            "fail",
            "on-return",
            "ON_RETURN",
            "500ms",
            "30s",
            "-5s",
            "5 s",
            "5x",
            "PT1M",
            "PT-1M",
            "P1Y",
            "PT",
            "106751991167301d",
            "9223372036854775807s",
            "9223372036854775807ns",
            "9999999999999999999999s",
            "400d",
            "5ms",
            "a,b,c",
            "{}",
            "[]",
            "#{1+1}",
            "\u0000",
            "\uD800",
            "🔒",
            "x".repeat(10_000));

    /** The beans of the last context, which may have failed. */
    private BeanFactory beans = new StaticListableBeanFactory();

    @Test
    void everyValueIsBoundOrRejectedWithItsPropertyAndWhatToWrite() {
        RandomCases.check(2_000, random -> {
            Map<String, Object> properties = properties(random, NAMES);
            try {
                new LockerSettings(bound(environment(properties, random.nextInt(8) == 0)));
            } catch (Throwable e) {
                assertReported(e, properties);
            }
        });
    }

    @Test
    void everyNameIsAcceptedOrRejected() {
        RandomCases.check(500, random -> {
            StringBuilder name = new StringBuilder();
            for (int i = random.nextInt(12); i >= 0; i--) {
                name.append((char) (random.nextBoolean() ? random.nextInt(0x80) : random.nextInt(0x10000)));
            }
            Map<String, Object> properties = Map.of("keyedlock.locks[" + name + "].limit", "2");
            try {
                new LockerSettings(bound(environment(properties, false)));
            } catch (Throwable e) {
                assertReported(e, properties);
            }
        });
    }

    @Test
    void defaultsAreThoseOfTheAnnotations() {
        bound(environment(Map.of(), false));
    }

    /** Binds properties, and compares the result or the failure with those of Spring Boot's own binding. */
    private static KeyedLockProperties bound(Environment environment) {
        KeyedLockProperties expected;
        try {
            expected = Binder.get(environment).bindOrCreate("keyedlock", KeyedLockProperties.class);
        } catch (BindException e) {
            assertThatThrownBy(() -> new PropertiesBinding(environment).bind())
                    .isInstanceOfSatisfying(BindException.class, thrown -> {
                        assertThat(thrown).hasMessage(e.getMessage());
                        assertThat(thrown.getProperty()).isEqualTo(e.getProperty());
                    });
            throw e;
        }
        assertThat(new PropertiesBinding(environment).bind()).isEqualTo(expected);
        return expected;
    }

    @Test
    void everyContextWorksOrFailsWithItsPropertyAndWhatToWrite() {
        RandomCases.check(40, random -> {
            Map<String, Object> properties = properties(random, random.nextBoolean() ? NAMES : ODD_NAMES);
            runner(properties).run(context -> {
                Throwable failure = context.getStartupFailure();
                if (failure != null) {
                    assertReported(failure, properties);
                } else {
                    context.getBean(KeyedLockerRegistry.class)
                            .names()
                            .forEach(name -> use(
                                    context.getBean(KeyedLockerRegistry.class).<Object>get(name)));
                }
            });
        });
    }

    @Test
    void aNameThatSpringUsesIsRejectedWithTheProperty() {
        for (String name : ODD_NAMES) {
            Map<String, Object> properties = Map.of("keyedlock.locks[" + name + "].limit", "2");
            runner(properties).run(context -> {
                Throwable failure = context.getStartupFailure();
                if (failure != null) {
                    assertReported(failure, properties);
                } else {
                    assertThat(List.of("conversionService", "a]b", "[")).contains(name);
                }
            });
        }
    }

    private static void use(KeyedLocker<Object> locker) {
        locker.tryAcquire("key").ifPresent(Permit::close);
        assertThat(locker.activeKeyCount()).isZero();
    }

    private ApplicationContextRunner runner(Map<String, Object> properties) {
        return new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        AopAutoConfiguration.class,
                        KeyedLockAutoConfiguration.class,
                        KeyedLockAopAutoConfiguration.class,
                        KeyedLockRedisAutoConfiguration.class,
                        KeyedLockShutdownAutoConfiguration.class))
                .withInitializer(context -> {
                    beans = context.getBeanFactory();
                    context.getEnvironment().getPropertySources().addFirst(new MapPropertySource("random", properties));
                });
    }

    private static ConfigurableEnvironment environment(Map<String, Object> properties, boolean asVariables) {
        ConfigurableEnvironment environment = new StandardEnvironment();
        environment
                .getPropertySources()
                .forEach(source -> environment.getPropertySources().remove(source.getName()));
        if (!asVariables) {
            Map<String, Object> first = new LinkedHashMap<>();
            Map<String, Object> second = new LinkedHashMap<>();
            properties.forEach((name, value) -> (isEven(name) ? first : second).put(name, value));
            environment.getPropertySources().addFirst(new MapPropertySource("second", second));
            environment.getPropertySources().addFirst(new MapPropertySource("first", first));
            return environment;
        }
        Map<String, Object> variables = new LinkedHashMap<>();
        properties.forEach((name, value) -> variables.put(
                name.toUpperCase(java.util.Locale.ROOT)
                        .replace("-", isEven(name) ? "" : "_")
                        .replaceAll("[^A-Z0-9]", "_"),
                value));
        environment
                .getPropertySources()
                .addFirst(new SystemEnvironmentPropertySource(
                        StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME, variables));
        return environment;
    }

    private static boolean isEven(String name) {
        return name.hashCode() % 2 == 0;
    }

    private static Map<String, Object> properties(Random random, List<String> names) {
        Map<String, Object> properties = new LinkedHashMap<>();
        for (int i = random.nextInt(3); i >= 0; i--) {
            String name = switch (random.nextInt(3)) {
                case 0 -> "keyedlock." + any(random, OTHERS);
                case 1 -> "keyedlock.defaults." + any(random, SETTINGS);
                default -> "keyedlock.locks[" + any(random, names) + "]." + any(random, SETTINGS);
            };
            properties.put(name.endsWith(".") ? name.substring(0, name.length() - 1) : name, any(random, VALUES));
        }
        return properties;
    }

    private static <T> T any(Random random, List<T> all) {
        return all.get(random.nextInt(all.size()));
    }

    /** Checks that the reported failure names the property and what to do. */
    private void assertReported(Throwable failure, Map<String, Object> properties) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof InvalidConfigurationPropertyValueException invalid) {
                assertThat(invalid.getName()).startsWith("keyedlock");
                assertThat(invalid.getReason())
                        .containsAnyOf(
                                "Write",
                                "Rename",
                                "Remove",
                                "Choose",
                                "Executors are",
                                "Give",
                                "Did you mean",
                                "Properties of");
                return;
            }
            FailureAnalysis analysis = cause instanceof BindException
                    ? new InvalidPropertyFailureAnalyzer().analyze(failure)
                    : cause instanceof BeanNotOfRequiredTypeException
                            ? new LockerNameFailureAnalyzer(beans).analyze(failure)
                            : null;
            if (analysis != null) {
                assertThat(analysis.getDescription()).contains("keyedlock");
                assertThat(analysis.getAction()).containsAnyOf("Write", "write");
                return;
            }
            if (cause instanceof MissingBackendException) {
                return;
            }
        }
        throw new AssertionError("no failure of the library with " + shortened(properties), failure);
    }

    private static String shortened(Map<String, Object> properties) {
        String text = properties.toString();
        return text.length() < 1_000 ? text : text.substring(0, 1_000);
    }

    /** Ensures that the tests fail if the property source is not read. */
    @Test
    void invalidValuesOfEachKindAreRejected() {
        Consumer<Map<String, Object>> refused = properties -> runner(properties).run(context -> {
            assertThat(context).hasFailed();
            assertReported(context.getStartupFailure(), properties);
        });
        List.of(
                        "keyedlock=5",
                        "keyedlock.locks=5",
                        "keyedlock.locks.orders=5",
                        "keyedlock.locks.orders.limit=many",
                        "keyedlock.locks.orders.limit=99999999999999999999",
                        "keyedlock.locks.orders.wait-time=9999999999999999999999s",
                        "keyedlock.defaults.fair=maybe",
                        "keyedlock.defaults=x",
                        "keyedlock.enabled=maybe",
                        "keyedlock.enabled=",
                        "keyedlock.aop.order=first",
                        "keyedlock.release=never",
                        "keyedlock.shutdown.await-idle=-5s",
                        "keyedlock.long-hold.threshold=soon",
                        "keyedlock.executor=nobody")
                .forEach(each -> refused.accept(Map.of(each.split("=", 2)[0], each.split("=", 2)[1])));
    }
}
