// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.metrics;

import io.keyedlock.KeyedLockerListener;
import io.micrometer.common.KeyValue;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Creates an observation of each wait for a key, which becomes a span if tracing is configured. An acquisition that does not
 * wait creates none.
 *
 * <p>The observation {@value #NAME} has the low-cardinality values {@code lock}, the locker's name, and {@code outcome},
 * which is {@code acquired} or the reason why the wait ended without a permit, and the high-cardinality value {@code ahead},
 * the number of waiters ahead in the queue. It starts on the caller's thread, so its parent is the current observation there.
 * It never becomes the current observation of a thread.
 *
 * <p>The timer of {@link KeyedLockerMetrics} has the same name with other tags. Use
 * {@link KeyedLockerMetrics#denyObservationMeters()} to keep observation handlers from creating a second one.
 *
 * @since 0.1.0
 * @see KeyedLockerMetrics
 */
public final class KeyedLockerObservations implements KeyedLockerListener {

    /** The name of the observation. */
    public static final String NAME = "keyedlock.wait";

    private static final String AHEAD = "ahead";

    private final String lockName;
    private final Supplier<ObservationRegistry> registry;

    /**
     * Creates a listener for all lockers.
     *
     * @param registry supplies the registry of the observations; called when a wait begins
     */
    public KeyedLockerObservations(Supplier<ObservationRegistry> registry) {
        this("default", registry);
    }

    private KeyedLockerObservations(String lockName, Supplier<ObservationRegistry> registry) {
        this.lockName = lockName;
        this.registry = registry;
    }

    @Override
    public KeyedLockerListener forLocker(String lockName) {
        return new KeyedLockerObservations(lockName, registry);
    }

    @Override
    public HoldTiming holdTiming() {
        return HoldTiming.OFF;
    }

    @Override
    public @Nullable Wait waiting(Object key, int ahead) {
        Observation observation = Observation.createNotStarted(NAME, registry.get());
        if (observation.isNoop()) {
            return null;
        }
        observation
                .contextualName("wait for " + lockName)
                .lowCardinalityKeyValue(KeyedLockMeter.LOCK, lockName)
                .lowCardinalityKeyValue(KeyedLockMeter.OUTCOME, KeyValue.NONE_VALUE)
                .highCardinalityKeyValue(AHEAD, Integer.toString(ahead))
                .start();
        return (failure, waited) -> observation
                .lowCardinalityKeyValue(
                        KeyedLockMeter.OUTCOME,
                        failure == null
                                ? KeyedLockMeter.ACQUIRED
                                : failure.name().toLowerCase(Locale.ROOT))
                .stop();
    }
}
