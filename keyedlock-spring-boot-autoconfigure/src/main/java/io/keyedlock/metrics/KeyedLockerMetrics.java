// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.metrics;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.KeyedLockerListener;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.config.MeterFilter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Publishes meters of lockers to a Micrometer registry: counts acquisitions and times waits as a listener, and registers
 * gauges of the current holders and waiters.
 *
 * <pre>{@code
 * KeyedLockerMetrics metrics = new KeyedLockerMetrics(HoldTiming.SAMPLED);
 * KeyedLocker<String> orders = KeyedLocker.create(settings, metrics);
 * metrics.add("orders", orders);
 * metrics.bindTo(registry);
 * }</pre>
 *
 * <p>Lockers may be added before and after the registry is bound. All meters have the tag {@code lock}, the locker's name;
 * none has a key as a tag. Thread-safe.
 *
 * @since 0.1.0
 * @see KeyedLockerObservations
 */
public final class KeyedLockerMetrics implements KeyedLockerListener, AutoCloseable {

    private final HoldTiming holdTiming;

    /** Guards the fields below. Never held while an event of a locker is counted. */
    private final ReentrantLock lock = new ReentrantLock();

    /** Guarded by {@code lock}. */
    private final Map<String, LockerMeters> listeners = new HashMap<>();

    /** Guarded by {@code lock}. */
    private final Map<String, KeyedLocker<?>> lockers = new HashMap<>();

    /** Guarded by {@code lock}. */
    private final List<Meter> meters = new ArrayList<>();

    /** Guarded by {@code lock}. */
    private @Nullable MeterRegistry registry;

    /**
     * Creates metrics without lockers.
     *
     * @param holdTiming which holds the timer {@code keyedlock.hold} records; if {@link HoldTiming#OFF}, there is no such timer
     */
    public KeyedLockerMetrics(HoldTiming holdTiming) {
        this.holdTiming = Objects.requireNonNull(holdTiming, "holdTiming");
    }

    /**
     * Returns a filter that denies the meters that observation handlers create from {@link KeyedLockerObservations}. They would
     * duplicate the wait timer of this class, which has the same name.
     *
     * @return a filter for meter registries
     */
    public static MeterFilter denyObservationMeters() {
        return MeterFilter.deny(id -> id.getName().equals(KeyedLockerObservations.NAME + ".active")
                || (id.getName().equals(KeyedLockerObservations.NAME) && id.getTag(KeyedLockMeter.OUTCOME) != null));
    }

    /**
     * Registers the meters of all lockers, including lockers that are added later.
     *
     * @param registry the registry of the meters
     * @throws IllegalStateException if a registry is already bound
     */
    public void bindTo(MeterRegistry registry) {
        lock.lock();
        try {
            if (this.registry != null) {
                throw new IllegalStateException("These metrics are already bound to a registry");
            }
            this.registry = registry;
            listeners.values().forEach(listener -> listener.bindTo(registry, meters::add));
            lockers.forEach((name, locker) -> registerGauges(name, locker, registry));
        } finally {
            lock.unlock();
        }
    }

    /**
     * Adds gauges of a locker. Has no effect if a locker of that name was already added.
     *
     * @param name the value of the tag {@code lock}
     * @param locker the locker
     */
    public void add(String name, KeyedLocker<?> locker) {
        lock.lock();
        try {
            if (lockers.putIfAbsent(name, locker) == null && registry != null) {
                registerGauges(name, locker, registry);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public KeyedLockerListener forLocker(String lockName) {
        lock.lock();
        try {
            return listeners.computeIfAbsent(lockName, name -> {
                LockerMeters listener = new LockerMeters(name, holdTiming);
                if (registry != null) {
                    listener.bindTo(registry, meters::add);
                }
                return listener;
            });
        } finally {
            lock.unlock();
        }
    }

    @Override
    public HoldTiming holdTiming() {
        return holdTiming;
    }

    /** Removes all meters from the registry. Has no effect if called again. */
    @Override
    public void close() {
        lock.lock();
        try {
            MeterRegistry from = registry;
            if (from != null) {
                meters.forEach(from::remove);
                meters.clear();
            }
        } finally {
            lock.unlock();
        }
    }

    private void registerGauges(String name, KeyedLocker<?> locker, MeterRegistry registry) {
        Tags tags = Tags.of(KeyedLockMeter.LOCK, name);
        registerGauge(KeyedLockMeter.KEYS_ACTIVE, locker, KeyedLocker::activeKeyCount, tags, registry);
        registerGauge(KeyedLockMeter.HOLDERS, locker, one -> one.overview(0).holders(), tags, registry);
        registerGauge(KeyedLockMeter.WAITERS, locker, one -> one.overview(0).waiters(), tags, registry);
        registerGauge(KeyedLockMeter.LIMIT, locker, KeyedLocker::limit, tags, registry);
        registerGauge(
                KeyedLockMeter.BACKEND_UP,
                locker,
                one -> one.backend().map(KeyedLockerBackend::isAvailable).orElse(true) ? 1 : 0,
                tags,
                registry);
        registerGauge(
                KeyedLockMeter.LIMIT_ELSEWHERE,
                locker,
                one -> one.backend()
                        .map(backend -> backend.otherLimit().orElse(0))
                        .orElse(0),
                tags,
                registry);
        meters.add(FunctionCounter.builder(
                        KeyedLockMeter.BACKEND_TIMEOUTS.meterName(),
                        locker,
                        one -> one.backend().map(KeyedLockerBackend::timeouts).orElse(0L))
                .description(KeyedLockMeter.BACKEND_TIMEOUTS.description())
                .tags(tags)
                .register(registry));
    }

    private void registerGauge(
            KeyedLockMeter meter,
            KeyedLocker<?> locker,
            ToDoubleFunction<KeyedLocker<?>> value,
            Tags tags,
            MeterRegistry registry) {
        meters.add(Gauge.builder(meter.meterName(), locker, value)
                .description(meter.description())
                .tags(tags)
                .register(registry));
    }
}
