// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerListener.HoldTiming;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.metrics.KeyedLockerMetrics;
import io.keyedlock.metrics.KeyedLockerObservations;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

@ExtendWith(OutputCaptureExtension.class)
class KeyedLockMetricsAutoConfigurationTests {

    private final ApplicationContextRunner contexts = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    KeyedLockAutoConfiguration.class,
                    KeyedLockMetricsAutoConfiguration.class,
                    KeyedLockObservationAutoConfiguration.class))
            .withPropertyValues("keyedlock.locks.orders.limit=1");

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    private final ApplicationContextRunner metered =
            contexts.withBean(MeterRegistry.class, () -> registry, definition -> definition.setDestroyMethodName(""));

    @Test
    void configuredLockersOwnLockersAndLockersOfTheApplicationHaveMeters() {
        metered.withBean(
                        "mine",
                        KeyedLocker.class,
                        () -> KeyedLocker.create(KeyedLockerSettings.defaults().withName("mine")))
                .run(context -> {
                    KeyedLocker<String> own =
                            context.getBean(ContextLockers.class).own("Service.method()", OptionalInt.empty());
                    own.acquire("42").close();
                    assertThat(registry.find("keyedlock.keys.active").gauges())
                            .extracting(gauge -> gauge.getId().getTag("lock"))
                            .containsExactlyInAnyOrder("orders", "mine", "Service.method()");
                    assertThat(registry.get("keyedlock.acquire")
                                    .tags("lock", "Service.method()", "outcome", "acquired")
                                    .functionTimer()
                                    .count())
                            .isEqualTo(1);
                });
    }

    @Test
    void aChildContextUsesTheMetricsOfItsParent() {
        metered.run(parent -> contexts.withParent(parent)
                .withPropertyValues("keyedlock.locks.of-child.limit=1")
                .run(child -> {
                    assertThat(child).hasNotFailed();
                    child.getBean(ContextLockers.class)
                            .get("of-child")
                            .acquire("42")
                            .close();
                    assertThat(registry.get("keyedlock.acquire")
                                    .tags("lock", "of-child", "outcome", "acquired")
                                    .functionTimer()
                                    .count())
                            .isEqualTo(1);
                    assertThat(registry.find("keyedlock.keys.active").gauges())
                            .extracting(gauge -> gauge.getId().getTag("lock"))
                            .containsExactlyInAnyOrder("orders", "of-child");
                }));
    }

    @Test
    void aClosedContextLeavesNoMeters() {
        metered.run(context -> assertThat(registry.getMeters()).isNotEmpty());
        assertThat(registry.getMeters()).isEmpty();
    }

    @Test
    void holdsAreSampledUnlessThePropertySaysOtherwise() {
        metered.run(context -> {
            KeyedLocker<String> orders = orders(context.getBean(KeyedLockerRegistry.class));
            for (int i = 0; i < 1600; i++) {
                orders.acquire("42").close();
            }
            assertThat(registry.get("keyedlock.hold").timer().count()).isBetween(30L, 170L);
        });
        metered.withPropertyValues("keyedlock.metrics.hold=exact").run(context -> {
            orders(context.getBean(KeyedLockerRegistry.class)).acquire("42").close();
            assertThat(registry.get("keyedlock.hold").timer().count()).isEqualTo(1);
        });
        // Without quotes, YAML reads "off" as false.
        for (String off : List.of("off", "false")) {
            metered.withPropertyValues("keyedlock.metrics.hold=" + off).run(context -> {
                orders(context.getBean(KeyedLockerRegistry.class)).acquire("42").close();
                assertThat(registry.find("keyedlock.hold").timer()).isNull();
                assertThat(context.getBeansOfType(KeyedLockerListener.class))
                        .hasSize(2)
                        .allSatisfy((name, listener) ->
                                assertThat(listener.holdTiming()).isEqualTo(HoldTiming.OFF));
            });
        }
    }

    @Test
    void noMetersWithoutARegistryOrIfKeyedlockIsDisabled() {
        contexts.run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(KeyedLockerMetrics.class));
        metered.withPropertyValues("keyedlock.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(KeyedLockerMetrics.class));
    }

    /** The registry of the actuator, with a bean among its parts that uses a locker. */
    @Test
    void theActuatorsRegistryFeedsHistogramsAndMayUseLockersItself() throws Exception {
        try (ConfigurableApplicationContext context = new SpringApplicationBuilder(Actuated.class)
                .web(WebApplicationType.NONE)
                .logStartupInfo(false)
                .properties(
                        "keyedlock.locks.orders.limit=1",
                        "keyedlock.observations=true",
                        "management.metrics.distribution.percentiles.keyedlock.wait=0.5,0.9",
                        "management.metrics.distribution.percentiles-histogram.keyedlock.hold=true")
                .run()) {
            KeyedLocker<String> orders = orders(context.getBean(KeyedLockerRegistry.class));
            Permit permit = orders.acquire("42");
            CompletableFuture<Permit> waiting = orders.acquireAsync("42");
            permit.close();
            waiting.join().close();

            MeterRegistry meters = context.getBean(SimpleMeterRegistry.class);
            assertThat(meters.find("keyedlock.wait").timers())
                    .singleElement()
                    .satisfies(timer ->
                            assertThat(timer.takeSnapshot().percentileValues()).hasSize(2));
            assertThat(context.getBean(PrometheusMeterRegistry.class).scrape())
                    .contains("keyedlock_hold_seconds_bucket{lock=\"orders\",le=")
                    .contains("keyedlock_wait_seconds{lock=\"orders\",quantile=\"0.9\"}")
                    .contains("keyedlock_wait_seconds_count{lock=\"orders\"} 1\n");
            assertThat(meters.find("keyedlock.wait.active").longTaskTimer()).isNull();
            assertThat(context.getBean(Observed.class).stopped).singleElement().satisfies(observation -> {
                assertThat(observation.getName()).isEqualTo("keyedlock.wait");
                assertThat(observation.getLowCardinalityKeyValue("lock").getValue())
                        .isEqualTo("orders");
                assertThat(observation.getLowCardinalityKeyValue("outcome").getValue())
                        .isEqualTo("acquired");
                assertThat(observation.getHighCardinalityKeyValue("ahead").getValue())
                        .isEqualTo("0");
                assertThat(observation.getAllKeyValues().stream().map(value -> value.getValue()))
                        .doesNotContain("42");
            });
        }
    }

    @Test
    void waitsAreNotObservedByDefault() {
        ObservationRegistry observations = ObservationRegistry.create();
        Observed observed = new Observed();
        observations.observationConfig().observationHandler(observed);
        ApplicationContextRunner observing = contexts.withBean(ObservationRegistry.class, () -> observations);
        observing.run(context -> timeOut(orders(context.getBean(KeyedLockerRegistry.class))));
        assertThat(observed.stopped).isEmpty();
        observing
                .withPropertyValues("keyedlock.observations=true")
                .run(context -> timeOut(orders(context.getBean(KeyedLockerRegistry.class))));
        assertThat(observed.stopped)
                .singleElement()
                .satisfies(observation -> assertThat(
                                observation.getLowCardinalityKeyValue("outcome").getValue())
                        .isEqualTo("timeout"));
    }

    @Test
    void observationsWithoutAHandlerAreReportedAtStartup(CapturedOutput output) {
        String warning = "keyedlock.observations=true has no effect: there is no ObservationRegistry bean";
        contexts.run(context -> assertThat(output).doesNotContain(warning));
        ApplicationContextRunner observing = contexts.withPropertyValues("keyedlock.observations=true");
        observing
                .withBean(ObservationRegistry.class, ObservationRegistry::create)
                .run(context -> {
                    assertThat(context).hasSingleBean(KeyedLockerObservations.class);
                    observing.withParent(context).run(child -> assertThat(child).hasNotFailed());
                });
        observing
                .withBean(KeyedLockerObservations.class, () -> new KeyedLockerObservations(ObservationRegistry::create))
                .run(context -> assertThat(context).hasNotFailed());
        assertThat(output).doesNotContain(warning);
        observing.run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(KeyedLockerObservations.class));
        assertThat(output).containsOnlyOnce(warning);
        observing
                .withClassLoader(new FilteredClassLoader("io.micrometer"))
                .run(context -> assertThat(context).hasNotFailed());
        observing
                .withBean("one", ObservationRegistry.class, ObservationRegistry::create)
                .withBean("other", ObservationRegistry.class, ObservationRegistry::create)
                .run(context -> assertThat(context).hasNotFailed());
        assertThat(output.getOut().split(warning, -1)).hasSize(4);
    }

    private static void timeOut(KeyedLocker<String> orders) throws Exception {
        Permit permit = orders.acquireAsync("42").join();
        assertThat(orders.tryAcquire("42", java.time.Duration.ofMillis(1))).isEmpty();
        permit.close();
    }

    private static KeyedLocker<String> orders(KeyedLockerRegistry lockers) {
        return lockers.get("orders");
    }

    static final class Observed implements ObservationHandler<Observation.Context> {

        private final List<Observation.Context> stopped = new CopyOnWriteArrayList<>();

        @Override
        public void onStop(Observation.Context observation) {
            if (observation.getName().startsWith("keyedlock")) {
                stopped.add(observation);
            }
        }

        @Override
        public boolean supportsContext(Observation.Context observation) {
            return true;
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Actuated {

        @Bean
        Observed observed() {
            return new Observed();
        }

        @Bean
        SimpleMeterRegistry simpleMeterRegistry(KeyedLocker<String> orders) throws InterruptedException {
            orders.acquire("early").close();
            return new SimpleMeterRegistry();
        }
    }
}
