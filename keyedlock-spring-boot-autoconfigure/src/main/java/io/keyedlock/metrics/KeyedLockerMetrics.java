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
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Feeds the figures of lockers to a Micrometer registry: acquisitions and waits as a listener, what is held and awaited
 * now as gauges.
 *
 * <pre>{@code
 * KeyedLockerMetrics metrics = new KeyedLockerMetrics(true);
 * KeyedLocker<String> orders = KeyedLocker.create(settings, metrics);
 * metrics.add("orders", orders);
 * metrics.bindTo(registry);
 * }</pre>
 *
 * <p>Lockers may come before and after the registry. All meters have the tag {@code lock}, the locker's name, and none has
 * a key. Safe for use by many threads.
 */
public final class KeyedLockerMetrics implements KeyedLockerListener, AutoCloseable {

    private final boolean timesHolds;

    /** Guards the fields below; never held while a locker's event is counted. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Map<String, LockerMeters> listeners = new HashMap<>();
    private final Map<String, KeyedLocker<?>> lockers = new HashMap<>();
    private final List<Meter> meters = new ArrayList<>();
    private @Nullable MeterRegistry registry;

    /**
     * Makes metrics without lockers.
     *
     * @param timesHolds whether to measure how long permits are held, which costs two clock reads per acquisition
     */
    public KeyedLockerMetrics(boolean timesHolds) {
        this.timesHolds = timesHolds;
    }

    /**
     * A filter that denies the meters that observation handlers make of {@link KeyedLockerObservations}, as the meter of that name tells
     * the same.
     *
     * @return a filter for meter registries
     */
    public static MeterFilter notOfObservations() {
        return MeterFilter.deny(id -> id.getName().equals(KeyedLockerObservations.NAME + ".active")
                || (id.getName().equals(KeyedLockerObservations.NAME) && id.getTag(KeyedLockMeter.OUTCOME) != null));
    }

    /**
     * Makes the meters of all lockers, those known by now and those to come.
     *
     * @param registry where
     * @throws IllegalStateException if there is a registry already
     */
    public void bindTo(MeterRegistry registry) {
        lock.lock();
        try {
            if (this.registry != null) {
                throw new IllegalStateException("These metrics are bound to a registry already");
            }
            this.registry = registry;
            listeners.values().forEach(listener -> listener.bindTo(registry, meters::add));
            lockers.forEach((name, locker) -> gauges(name, locker, registry));
        } finally {
            lock.unlock();
        }
    }

    /**
     * Makes gauges of a locker. Does nothing if a locker of that name has some.
     *
     * @param name the value of the tag
     * @param locker whose state to show
     */
    public void add(String name, KeyedLocker<?> locker) {
        lock.lock();
        try {
            if (lockers.putIfAbsent(name, locker) == null && registry != null) {
                gauges(name, locker, registry);
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
                LockerMeters listener = new LockerMeters(name, timesHolds);
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
    public boolean timesHolds() {
        return timesHolds;
    }

    /** Removes all meters from the registry. Closing again does nothing. */
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

    private void gauges(String name, KeyedLocker<?> locker, MeterRegistry registry) {
        Tags tags = Tags.of(KeyedLockMeter.LOCK, name);
        gauge(KeyedLockMeter.KEYS_ACTIVE, locker, KeyedLocker::activeKeyCount, tags, registry);
        gauge(KeyedLockMeter.HOLDERS, locker, one -> one.overview(0).holders(), tags, registry);
        gauge(KeyedLockMeter.WAITERS, locker, one -> one.overview(0).waiters(), tags, registry);
        gauge(
                KeyedLockMeter.BACKEND_UP,
                locker,
                one -> one.backend().map(KeyedLockerBackend::isAvailable).orElse(true) ? 1 : 0,
                tags,
                registry);
        gauge(
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

    private void gauge(
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
