// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.awaitility.Awaitility.await;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener.HoldTiming;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockRejectedException;
import io.keyedlock.Permit;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.tracer.common.SpanContext;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

@SuppressWarnings("try") // the permit is only held
class KeyedLockerMetricsTests {

    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final KeyedLockerMetrics metrics = new KeyedLockerMetrics(HoldTiming.EXACT);

    @Test
    void countsAcquisitionsByOutcomeWithTheTimeWaited() throws Exception {
        KeyedLocker<String> locker = locker("orders");
        metrics.bindTo(registry);
        try (Permit permit = locker.acquire("42")) {
            onAnotherThread(() -> {
                assertThat(locker.tryAcquire("42")).isEmpty();
                assertThat(locker.tryAcquire("42", Duration.ofMillis(2))).isEmpty();
            });
            CompletableFuture<Permit> cancelled = locker.acquireAsync("42");
            cancelled.cancel(false);
        }
        assertThat(acquisitions("acquired").count()).isEqualTo(1);
        assertThat(acquisitions("acquired").totalTime(TimeUnit.NANOSECONDS)).isZero();
        assertThat(acquisitions("rejected").count()).isEqualTo(1);
        assertThat(acquisitions("timeout").count()).isEqualTo(1);
        assertThat(acquisitions("timeout").totalTime(TimeUnit.MILLISECONDS)).isGreaterThanOrEqualTo(2);
        assertThat(acquisitions("cancelled").count()).isEqualTo(1);
        assertThat(acquisitions("interrupted").count()).isZero();
        assertThat(acquisitions("closed").count()).isZero();
        assertThat(acquisitions("deadlock").count()).isZero();
    }

    @Test
    void timesOnlyTheWaitsThatWereNotZero() throws Exception {
        KeyedLocker<String> locker = locker("orders");
        metrics.bindTo(registry);
        try (Permit permit = locker.acquire("42")) {
            assertThat(registry.get("keyedlock.wait").timer().count()).isZero();
            CompletableFuture<Permit> next = locker.acquireAsync("42");
            permit.close();
            next.join().close();
        }
        assertThat(registry.get("keyedlock.wait").timer().count()).isEqualTo(1);
        assertThat(registry.get("keyedlock.hold").timer().count()).isEqualTo(2);
        assertThat(acquisitions("acquired").count()).isEqualTo(2);
        assertThat(acquisitions("acquired").totalTime(TimeUnit.NANOSECONDS))
                .isCloseTo(
                        registry.get("keyedlock.wait").timer().totalTime(TimeUnit.NANOSECONDS),
                        withinPercentage(0.001));
    }

    @Test
    void gaugesShowWhatIsHeldAndAwaitedNow() throws Exception {
        KeyedLocker<String> locker = locker("orders");
        metrics.add("orders", locker);
        metrics.bindTo(registry);
        CompletableFuture<Permit> waiting;
        try (Permit one = locker.acquire("1");
                Permit two = locker.acquire("2")) {
            waiting = locker.acquireAsync("1");
            assertThat(gauge("keyedlock.keys.active")).isEqualTo(2);
            assertThat(gauge("keyedlock.holders")).isEqualTo(2);
            assertThat(gauge("keyedlock.waiters")).isEqualTo(1);
        }
        waiting.join().close();
        assertThat(gauge("keyedlock.keys.active")).isZero();
        assertThat(gauge("keyedlock.holders")).isZero();
        assertThat(gauge("keyedlock.waiters")).isZero();
    }

    @Test
    void aLongHoldIsCountedOnce() throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create(
                KeyedLockerSettings.defaults().withName("orders").withLongHold(Duration.ofMillis(1)), metrics);
        metrics.bindTo(registry);
        try (Permit permit = locker.acquire("42")) {
            await().atMost(Duration.ofMinutes(1))
                    .until(() -> registry.get("keyedlock.long.holds")
                                    .functionCounter()
                                    .count()
                            > 0);
        }
        assertThat(registry.get("keyedlock.long.holds").functionCounter().count())
                .isEqualTo(1);
    }

    @Test
    void aFullQueueIsARejection() throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create(
                KeyedLockerSettings.defaults().withName("orders").withMaxWaiters(0), metrics);
        metrics.bindTo(registry);
        try (Permit permit = locker.acquire("42")) {
            onAnotherThread(() ->
                    assertThatExceptionOfType(LockRejectedException.class).isThrownBy(() -> locker.acquire("42")));
        }
        assertThat(acquisitions("rejected").count()).isEqualTo(1);
    }

    @Test
    void holdsAreNotTimedIfDisabled() throws Exception {
        KeyedLockerMetrics without = new KeyedLockerMetrics(HoldTiming.OFF);
        without.bindTo(registry);
        assertThat(without.forLocker("orders").holdTiming()).isEqualTo(HoldTiming.OFF);
        assertThat(registry.find("keyedlock.wait").timer()).isNotNull();
        assertThat(registry.find("keyedlock.hold").timer()).isNull();
    }

    @Test
    void lockersMayComeAfterTheRegistryAndWhatHappenedBeforeItIsCounted() throws Exception {
        locker("orders").acquire("42").close();
        metrics.bindTo(registry);
        KeyedLocker<String> late = locker("late");
        metrics.add("late", late);
        late.acquire("42").close();
        assertThat(acquisitions("acquired").count()).isEqualTo(1);
        assertThat(registry.get("keyedlock.acquire")
                        .tags("lock", "late", "outcome", "acquired")
                        .functionTimer()
                        .count())
                .isEqualTo(1);
        assertThat(registry.get("keyedlock.keys.active").tag("lock", "late").gauge())
                .isNotNull();
    }

    @Test
    void everyMeterOfTheEnumExistsWithItsTagsAndNoOther() throws Exception {
        KeyedLocker<String> locker = locker("orders");
        metrics.add("orders", locker);
        metrics.bindTo(registry);
        for (KeyedLockMeter meter : KeyedLockMeter.values()) {
            assertThat(registry.find(meter.meterName()).meters())
                    .isNotEmpty()
                    .allSatisfy(
                            found -> assertThat(found.getId().getTags().stream().map(Tag::getKey))
                                    .containsExactlyInAnyOrderElementsOf(meter.tags()));
        }
        assertThat(registry.getMeters().stream().map(found -> found.getId().getName()))
                .containsOnly(Arrays.stream(KeyedLockMeter.values())
                        .map(KeyedLockMeter::meterName)
                        .toArray(String[]::new));
    }

    @Test
    void aMillionKeysAddNoTimeSeries() throws Exception {
        KeyedLocker<Integer> locker =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"), metrics);
        metrics.add("orders", locker);
        metrics.bindTo(registry);
        int before = registry.getMeters().size();
        for (int key = 0; key < 1_000_000; key++) {
            locker.acquire(key).close();
        }
        assertThat(registry.getMeters()).hasSize(before);
        assertThat(acquisitions("acquired").count()).isEqualTo(1_000_000);
    }

    @Test
    void closingRemovesItsMetersAndNoOthers() {
        registry.counter("mine");
        metrics.add("orders", locker("orders"));
        metrics.bindTo(registry);
        metrics.close();
        metrics.close();
        assertThat(registry.getMeters().stream().map(Meter::getId).map(Meter.Id::getName))
                .containsExactly("mine");
    }

    @Test
    void onlyOneRegistryIsAllowed() {
        metrics.bindTo(registry);
        assertThatIllegalStateException().isThrownBy(() -> metrics.bindTo(registry));
    }

    @Test
    void prometheusPrintsTheNamesThatItsUsersExpect() throws Exception {
        PrometheusMeterRegistry prometheus = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        KeyedLocker<String> locker = locker("orders");
        metrics.add("orders", locker);
        metrics.bindTo(prometheus);
        locker.acquire("secret").close();
        assertThat(prometheus.scrape())
                .contains("keyedlock_acquire_seconds_count{lock=\"orders\",outcome=\"acquired\"} 1")
                .contains("keyedlock_acquire_seconds_sum{lock=\"orders\",outcome=\"acquired\"} 0.0")
                .contains("keyedlock_wait_seconds_count{lock=\"orders\"} 0")
                .contains("keyedlock_hold_seconds_count{lock=\"orders\"} 1")
                .contains("keyedlock_keys_active{lock=\"orders\"} 0.0")
                .contains("keyedlock_holders{lock=\"orders\"} 0.0")
                .contains("keyedlock_waiters{lock=\"orders\"} 0.0")
                .contains("keyedlock_long_holds_total{lock=\"orders\"} 0.0")
                .doesNotContain("secret");
    }

    @Test
    void theExemplarOfAWaitIsTheTraceOfItsCaller() throws Exception {
        ObservationRegistry observations = ObservationRegistry.create();
        observations.observationConfig().observationHandler(context -> true);
        PrometheusMeterRegistry prometheus = new PrometheusMeterRegistry(
                PrometheusConfig.DEFAULT, new PrometheusRegistry(), Clock.SYSTEM, new ObservationNames(observations));
        KeyedLocker<String> locker = locker("orders");
        metrics.bindTo(prometheus);
        CompletableFuture<Permit> holding = locker.acquireAsync("42");
        CompletableFuture<Permit> observed =
                Observation.start("waiter", observations).scoped(() -> locker.acquireAsync("42"));
        CompletableFuture<Permit> unobserved = locker.acquireAsync("42");
        Observation.start("releaser", observations).scoped(() -> {
            holding.join().close();
            observed.join().close();
            unobserved.join().close();
            assertThat(observations.getCurrentObservation()).isNotNull();
        });
        assertThat(prometheus.scrape("application/openmetrics-text"))
                .containsPattern("keyedlock_wait_seconds_count\\{lock=\"orders\"} 2 # \\{.*trace_id=\"waiter\"")
                .doesNotContainPattern("keyedlock_wait_seconds.*releaser");
    }

    /** Uses the name of the current observation as the trace. */
    private record ObservationNames(ObservationRegistry observations) implements SpanContext {

        @Override
        public @Nullable String getCurrentTraceId() {
            Observation current = observations.getCurrentObservation();
            return current == null ? null : current.getContextView().getName();
        }

        @Override
        public @Nullable String getCurrentSpanId() {
            return getCurrentTraceId();
        }

        @Override
        public boolean isCurrentSpanSampled() {
            return true;
        }

        @Override
        public void markCurrentSpanAsExemplar() {}
    }

    private KeyedLocker<String> locker(String name) {
        return KeyedLocker.create(KeyedLockerSettings.defaults().withName(name), metrics);
    }

    private FunctionTimer acquisitions(String outcome) {
        return registry.get("keyedlock.acquire")
                .tags("lock", "orders", "outcome", outcome)
                .functionTimer();
    }

    private double gauge(String name) {
        return registry.get(name).tag("lock", "orders").gauge().value();
    }

    private static void onAnotherThread(Task task) {
        CompletableFuture.runAsync(() -> {
                    try {
                        task.run();
                    } catch (Exception e) {
                        throw new AssertionError(e);
                    }
                })
                .join();
    }

    private interface Task {
        void run() throws Exception;
    }
}
