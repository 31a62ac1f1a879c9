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
 * Makes an observation of each wait for a key, and so a span where tracing is set up. Callers who need not wait make none.
 *
 * <p>The observation {@value #NAME} has the low-cardinality values {@code lock}, the locker's name, and {@code outcome},
 * {@code acquired} or how the wait ended otherwise, and the high-cardinality value {@code ahead}, how many were waiting
 * already. It begins on the thread that asks and so becomes a child of what is observed there; it is never the current
 * observation of a thread.
 *
 * <p>It has the name of the timer that {@link KeyedLockerMetrics} feeds and other tags; {@link KeyedLockerMetrics#notOfObservations()}
 * keeps observations from being made into meters too.
 */
public final class KeyedLockerObservations implements KeyedLockerListener {

    /** The name of the observation. */
    public static final String NAME = "keyedlock.wait";

    private static final String AHEAD = "ahead";

    private final String lockName;
    private final Supplier<ObservationRegistry> registry;

    /**
     * Makes a listener for all lockers.
     *
     * @param registry who is told of the observations; asked when a wait begins
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
    public boolean timesHolds() {
        return false;
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
