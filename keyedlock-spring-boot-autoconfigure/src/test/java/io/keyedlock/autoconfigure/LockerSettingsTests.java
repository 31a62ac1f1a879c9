// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.lease.LeaseSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.context.properties.source.MapConfigurationPropertySource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;

/** Invalid properties and their reports. */
@ExtendWith(OutputCaptureExtension.class)
class LockerSettingsTests {

    @TempDir
    Path directory;

    @ParameterizedTest
    @CsvSource({
        "keyedlock.locks.orders.limit, 0",
        "keyedlock.locks.orders.limit, many",
        "keyedlock.locks.orders.wait-time, -1s",
        "keyedlock.locks.orders.wait-time, soon",
        "keyedlock.locks.orders.max-waiters, -1",
        "keyedlock.locks.orders.max-waiters, some",
        "keyedlock.locks.orders.backend, abacus",
        "keyedlock.locks.orders.lease-time, 5ms",
        "keyedlock.locks.orders.lease-time, long",
        "keyedlock.locks.orders.backend-timeout, 0s",
        "keyedlock.locks.orders.handoff-window, -1s",
        "keyedlock.locks.orders.max-hold, -1s",
        "keyedlock.locks.orders.fail-fast, perhaps",
        "keyedlock.defaults.lease-time, 400d",
        "keyedlock.locks[a.b].limit, 0",
        "keyedlock.locks.order_items.limit, 0",
        "keyedlock.defaults.limit, -3",
        "keyedlock.defaults.wait-time, x",
        "keyedlock.long-hold.threshold, -5s",
        "keyedlock.shutdown.await-idle, -5s",
        "keyedlock.release, never",
        "keyedlock.locks.orders.wait-time, 5",
        "keyedlock.defaults.wait-time, 5",
        "keyedlock.defaults.lease-time, 5",
        "keyedlock.long-hold.threshold, 30",
        "keyedlock.shutdown.await-idle, 20",
        "keyedlock.locks.orders.limt, 3",
        "keyedlock.locks.orders.wait-tme, 1s",
        "keyedlock.show-kyes, false",
        "keyedlock.locks.acme.orders.limit, 3",
    })
    void anInvalidValueIsReportedWithItsPropertyAndItsOrigin(String property, String value, CapturedOutput output) {
        assertThat(start(Plain.class, Map.of(property, value))).isFalse();
        assertThat(output)
                .contains("APPLICATION FAILED TO START")
                .contains(value)
                .contains("my.properties] - 1:");
        assertThat(output.getAll().replace("[", ".").replace("]", ""))
                .contains(property.replace("[", ".").replace("]", ""));
    }

    @Test
    void aDurationIsRejectedExactlyIfLeaseSettingsRejectIt() {
        LeaseSettings leases = LeaseSettings.defaults();
        Map<String, Consumer<Duration>> settings = Map.of(
                "lease-time", leases::withLeaseTime,
                "backend-timeout", leases::withBackendTimeout,
                "handoff-window", leases::withHandoffWindow,
                "max-hold", leases::withMaxHold);
        List<Duration> bounds =
                List.of(Duration.ZERO, Duration.ofMillis(10), Duration.ofMillis(100), Duration.ofDays(365));
        settings.forEach((name, setting) -> {
            for (Duration bound : bounds) {
                for (Duration value : List.of(bound.minusNanos(1), bound, bound.plusNanos(1))) {
                    assertThat(isTaken(() -> new LockerSettings(bound(name, value))))
                            .as("%s %s", name, value)
                            .isEqualTo(isTaken(() -> setting.accept(value)));
                }
            }
        });
        BackendChoice unset = new LockerSettings(bound("limit", 1)).defaultBackend();
        assertThat(unset.leases()).isEqualTo(leases);
    }

    private static KeyedLockProperties bound(String name, Object value) {
        return new Binder(new MapConfigurationPropertySource(Map.of("keyedlock.defaults." + name, value)))
                .bindOrCreate("keyedlock", KeyedLockProperties.class);
    }

    private static boolean isTaken(Runnable value) {
        try {
            value.run();
            return true;
        } catch (IllegalArgumentException | InvalidConfigurationPropertyValueException e) {
            return false;
        }
    }

    @ParameterizedTest
    @CsvSource({"orderItems, orderitems", "order-items, orderitems", "order-items, orderItems"})
    void namesThatDifferOnlyInCaseAndDashesAreRejected(String one, String other, CapturedOutput output) {
        assertThat(start(
                        Plain.class,
                        Map.of(
                                "keyedlock.locks[" + one + "].limit", "1",
                                "keyedlock.locks[" + other + "].limit", "2")))
                .isFalse();
        assertThat(output)
                .contains("APPLICATION FAILED TO START")
                .contains("'" + one + "'")
                .contains("'" + other + "'")
                .contains("differ only in case and dashes");
    }

    @Test
    void aBeanOfAnotherTypeIsRejectedWithThePropertyAndTheBean(CapturedOutput output) {
        assertThat(start(OtherOrders.class, Map.of("keyedlock.locks.orders.limit", "1")))
                .isFalse();
        assertThat(output)
                .contains("APPLICATION FAILED TO START")
                .contains("keyedlock.locks.orders")
                .contains("bean named 'orders'")
                .contains("java.lang.StringBuilder")
                .contains("OtherOrders");
    }

    @Test
    void aSingletonThatSpringRegistersIsRejectedToo(CapturedOutput output) {
        assertThat(start(Plain.class, Map.of("keyedlock.locks.environment.limit", "1")))
                .isFalse();
        assertThat(output).contains("APPLICATION FAILED TO START").contains("keyedlock.locks.environment");
    }

    @ParameterizedTest
    @CsvSource({"messageSource, my-messageSource", "&orders, without it", "scopedTarget.orders, without it"})
    void aNameWithASpecialMeaningInSpringIsRejected(String name, String remedy, CapturedOutput output) {
        assertThat(start(Plain.class, Map.of("keyedlock.locks[" + name + "].limit", "1")))
                .isFalse();
        assertThat(output)
                .contains("APPLICATION FAILED TO START")
                .contains(LockerSettings.prefixOf(name))
                .contains(remedy);
    }

    @ParameterizedTest
    @CsvSource({
        "keyedlock.locks, keyedlock.locks.orders.limit: 3",
        "keyedlock.locks.orders, keyedlock.locks.orders.limit: 3",
        "keyedlock.defaults, keyedlock.defaults.limit: 3",
        "keyedlock.shutdown.await-idle, 'such as 500ms, 30s'",
        "keyedlock.release, 'after-transaction, on-return'",
        "keyedlock.show-keys, true or false",
        "keyedlock.locks.orders.limit, a whole number",
    })
    void theReportNamesTheReplacement(String property, String remedy, CapturedOutput output) {
        assertThat(start(Plain.class, Map.of(property, "nonsense"))).isFalse();
        assertThat(output)
                .contains("APPLICATION FAILED TO START")
                .contains("The property " + property + " cannot be read")
                .contains(remedy);
    }

    @ParameterizedTest
    @CsvSource({
        "keyedlock.locks.orders.limt, 3, Did you mean 'keyedlock.locks.orders.limit'?",
        "keyedlock.locks[a.b].wait-tme, 1s, Did you mean 'keyedlock.locks[a.b].wait-time'?",
        "keyedlock.defaults.waitTme, 1s, Did you mean 'keyedlock.defaults.wait-time'?",
        "keyedlock.show-kyes, 1, Did you mean 'keyedlock.show-keys'?",
        "keyedlock.lock.orders.limit, 1, Did you mean 'keyedlock.locks'?",
        "keyedlock.shutdown.wait, 1s, 'Properties of keyedlock.shutdown are await-idle, reject-new, phase'",
        "keyedlock.locks.acme.orders.limit, 3, Write keyedlock.locks[acme.orders].limit",
        "keyedlock.enabled.now, true, keyedlock.enabled is a single value",
        "keyedlock.defaults.wait.time, 1s, Did you mean 'keyedlock.defaults.wait-time'?",
        "keyedlock.defaults.until, 1s, Properties of keyedlock.defaults are limit",
        "keyedlock.locks.orders.wait-time, 5, The duration has no unit. Write",
        "keyedlock.shutdown.await-idle, 20, The duration has no unit. Write",
        "keyedlock.locks.orders.limit, many, from 1 to about two billion",
        "keyedlock.shutdown.phase, early, at most about two billion",
        "keyedlock.locks.acme/eu.limit, 3, Write the name or the key in brackets",
        "keyedlock.locks.orders.limits.acme/eu, 3, Write the name or the key in brackets",
        "keyedlock.locks.orders.limits.-1, 3, Write the name or the key in brackets",
    })
    void ignoredOrMisreadPropertiesAreRejected(String property, String value, String remedy, CapturedOutput output) {
        assertThat(start(Plain.class, Map.of(property, value))).isFalse();
        assertThat(output)
                .contains("APPLICATION FAILED TO START")
                .contains("my.properties] - 1:")
                .contains(remedy);
    }

    @Test
    void allUnknownPropertiesAreReportedTogether(CapturedOutput output) {
        assertThat(start(Plain.class, Map.of("keyedlock.defaults.limt", "1", "keyedlock.locks.orders.limt", "1")))
                .isFalse();
        assertThat(output)
                .contains("Did you mean 'keyedlock.defaults.limit'?")
                .contains("Did you mean 'keyedlock.locks.orders.limit'?");
    }

    @Test
    void unknownPropertiesOfProfilesTheCommandLineAndVariablesAreRejected(CapturedOutput output) throws IOException {
        Files.write(directory.resolve("my-prod.properties"), List.of("keyedlock.defaults.limt=1"));
        SpringApplication profile = application(Plain.class, Map.of("keyedlock.defaults.limit", "1"));
        assertThatThrownBy(() -> profile.run(
                        "--spring.profiles.active=prod",
                        "--spring.config.location=" + directory.toUri(),
                        "--spring.config.name=my"))
                .isInstanceOf(InvalidConfigurationPropertyValueException.class);
        assertThat(output).contains("my-prod.properties] - 1:");
        SpringApplication arguments = application(Plain.class, Map.of());
        assertThatThrownBy(() -> arguments.run("--keyedlock.defaults.limti=1"))
                .hasMessageContaining("keyedlock.defaults.limti");
        for (String variable :
                List.of("KEYEDLOCK_DEFAULTS_LIMT", "KEYEDLOCK_LOCKS_ORDERS_WAIT_TME", "KEYEDLOCK_SHOW_KYES")) {
            SpringApplication variables = application(Plain.class, Map.of());
            variables.addInitializers(variables(Map.of(variable, "1")));
            assertThatThrownBy(variables::run).hasMessageContaining("Did you mean");
        }
    }

    @Test
    void everyFormOfANameThatSpringBootBindsIsAccepted() {
        SpringApplication application = application(
                Plain.class,
                Map.of(
                        "keyedlock.defaults.waitTime", "1s",
                        "keyedlock.defaults.max_waiters", "3",
                        "keyedlock.LONG-HOLD.threshold", "0",
                        "keyedlock.version", "1.0",
                        "keyedlock.locks.orders.Limit", "2",
                        "keyedlock.locks[a.b].wait-time", "${patience:2s}"));
        application.addInitializers(variables(Map.of(
                "KEYEDLOCK_DEFAULTS_LEASE_TIME", "40s",
                "KEYEDLOCK_LONGHOLD_THRESHOLD", "5s",
                "KEYEDLOCK_LOCKS_ORDERS_MAX_WAITERS", "7",
                "KEYEDLOCK_WEB_PROBLEM_DETAILS", "true",
                "KEYEDLOCK_SERVICE_HOST", "10.0.0.1",
                "KEYEDLOCK_PORT_8080_TCP_ADDR", "10.0.0.1",
                "KEYEDLOCK_HOME", "/opt/keyedlock",
                "KEYEDLOCK_VERSION", "1")));
        try (ConfigurableApplicationContext context = application.run("--keyedlock.locks.orders.fair=true")) {
            ContextLockers registry = context.getBean(ContextLockers.class);
            assertThat(registry.get("orders").settings().limit()).isEqualTo(2);
            assertThat(registry.get("orders").settings().maxWaiters()).isEqualTo(7);
            assertThat(registry.get("orders").settings().fair()).isTrue();
            assertThat(registry.get("orders").settings().longHold()).isEqualTo(Duration.ofSeconds(5));
            assertThat(registry.get("a.b").settings().waitTime()).isEqualTo(Duration.ofSeconds(2));
        }
    }

    /** Those of a service with the ports 8080, unnamed or named "http", as Kubernetes sets them in every container. */
    private static final List<String> OF_A_SERVICE = List.of(
            "SERVICE_HOST",
            "SERVICE_PORT",
            "SERVICE_PORT_HTTP",
            "PORT",
            "PORT_8080_TCP",
            "PORT_8080_TCP_ADDR",
            "PORT_8080_TCP_PROTO",
            "PORT_8080_TCP_PORT");

    @Test
    void serviceVariablesOfKubernetesAreNoProperties() {
        Map<String, Object> variables = new HashMap<>();
        for (String service : List.of("", "WEB_", "SHUTDOWN_", "EXECUTOR_", "DEFAULTS_WAIT_TIME_", "WEB_SHOW_KYES_")) {
            OF_A_SERVICE.forEach(variable -> variables.put("KEYEDLOCK_" + service + variable, "tcp://10.0.0.1:8080"));
        }
        SpringApplication application = application(Plain.class, Map.of());
        application.addInitializers(variables(variables));
        try (ConfigurableApplicationContext context = application.run()) {
            assertThat(context.getBean(ContextLockers.class).names()).isEmpty();
        }
    }

    @Test
    void namesSimilarToAVariableOfKubernetesAreRejected() {
        for (String variable : List.of(
                "KEYEDLOCK_WEB_SHOWKEY",
                "KEYEDLOCK_WEB_PORTS",
                "KEYEDLOCK_WEB_SERVICE",
                "KEYEDLOCK_WEB_PORT_HTTP_TCP",
                "KEYEDLOCK_WEB_PORT_8080_TCP_HOST")) {
            SpringApplication application = application(Plain.class, Map.of());
            application.addInitializers(variables(Map.of(variable, "1")));
            assertThatThrownBy(application::run).as(variable).hasMessageContaining("There is no such property");
        }
        for (String property :
                List.of("keyedlock.web.port", "keyedlock.web.service.host", "keyedlock.web.port.8080.tcp")) {
            SpringApplication application = application(Plain.class, Map.of(property, "1"));
            assertThatThrownBy(application::run).as(property).hasMessageContaining("There is no such property");
        }
    }

    private static ApplicationContextInitializer<ConfigurableApplicationContext> variables(
            Map<String, Object> variables) {
        return context -> context.getEnvironment()
                .getPropertySources()
                .replace(
                        StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME,
                        new SystemEnvironmentPropertySource(
                                StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME, variables));
    }

    @Test
    void environmentVariablesSetLockers() {
        SpringApplication application = application(Plain.class, Map.of("keyedlock.locks.orders.limit", "1"));
        application.addInitializers(variables(Map.of(
                "KEYEDLOCK_LOCKS_ORDERS_LIMIT", "7",
                "KEYEDLOCK_LOCKS_TENANTS_WAITTIME", "2s",
                "KEYEDLOCK_DEFAULTS_MAXWAITERS", "4")));
        try (ConfigurableApplicationContext context = application.run()) {
            ContextLockers registry = context.getBean(ContextLockers.class);
            assertThat(registry.names()).containsExactly("orders", "tenants");
            assertThat(registry.get("orders").settings().limit()).isEqualTo(7);
            assertThat(registry.get("orders").settings().maxWaiters()).isEqualTo(4);
            assertThat(registry.get("tenants").settings().waitTime()).isEqualTo(Duration.ofSeconds(2));
        }
    }

    private boolean start(Class<?> source, Map<String, String> properties) {
        try (ConfigurableApplicationContext context =
                application(source, properties).run()) {
            return context.isActive();
        } catch (RuntimeException e) {
            return false;
        }
    }

    private SpringApplication application(Class<?> source, Map<String, String> properties) {
        return new SpringApplicationBuilder(source)
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .logStartupInfo(false)
                .properties("spring.config.location=" + fileOf(properties).toUri())
                .build();
    }

    private Path fileOf(Map<String, String> properties) {
        List<String> lines = properties.entrySet().stream()
                .map(property -> property.getKey() + "=" + property.getValue())
                .toList();
        try {
            return Files.write(directory.resolve("my.properties"), lines);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration(KeyedLockAutoConfiguration.class)
    static class Plain {}

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration(KeyedLockAutoConfiguration.class)
    static class OtherOrders {

        @Bean
        StringBuilder orders() {
            return new StringBuilder();
        }
    }
}
