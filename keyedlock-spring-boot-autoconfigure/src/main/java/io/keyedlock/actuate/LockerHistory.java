// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.actuate;

import io.keyedlock.KeyedLockerListener;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The history that the live page shows: counts of the events of each locker, and its last callers that got no permit. An
 * acquisition that does not wait costs one addition.
 *
 * @since 0.1.0
 * @see KeyedLocksEndpointWebExtension
 */
public final class LockerHistory implements KeyedLockerListener {

    private final Map<String, OfLocker> lockers = new ConcurrentHashMap<>();

    /** Creates an empty history. */
    public LockerHistory() {}

    @Override
    public KeyedLockerListener forLocker(String lockName) {
        return lockers.computeIfAbsent(lockName, name -> new OfLocker());
    }

    @Override
    public HoldTiming holdTiming() {
        return HoldTiming.OFF;
    }

    /** Returns the history of a locker, or null if its events are not recorded here. */
    @Nullable
    OfLocker find(String lockName) {
        return lockers.get(lockName);
    }

    /**
     * A caller that got no permit.
     *
     * @param key the key
     * @param outcome why the caller got no permit
     * @param waited how long it had waited
     * @param at when that was, by {@link System#nanoTime()}
     */
    record Refusal(Object key, Outcome outcome, Duration waited, long at) {}

    /** The history of one locker. */
    static final class OfLocker implements KeyedLockerListener {

        /** The number of refusals that are kept. Their keys cannot be garbage collected, so it is small. */
        static final int REFUSALS = 32;

        final LongAdder acquired = new LongAdder();

        /** The number of acquisitions that have waited, with any outcome. */
        final LongAdder waits = new LongAdder();

        final LongAdder waitedNanos = new LongAdder();

        private final Map<Outcome, LongAdder> refused = new EnumMap<>(Outcome.class);

        /** The last refusals. Each replaces the oldest one. */
        private final AtomicReferenceArray<@Nullable Refusal> last = new AtomicReferenceArray<>(REFUSALS);

        private final AtomicInteger next = new AtomicInteger();

        private OfLocker() {
            for (Outcome outcome : Outcome.values()) {
                refused.put(outcome, new LongAdder());
            }
        }

        @Override
        public HoldTiming holdTiming() {
            return HoldTiming.OFF;
        }

        @Override
        public void acquired(Object key, Duration waited) {
            acquired.increment();
            count(waited);
        }

        @Override
        public void notAcquired(Object key, Outcome outcome, Duration waited) {
            refused(outcome).increment();
            count(waited);
            last.set(
                    Math.floorMod(next.getAndIncrement(), REFUSALS),
                    new Refusal(key, outcome, waited, System.nanoTime()));
        }

        private void count(Duration waited) {
            if (!waited.isZero()) {
                waits.increment();
                waitedNanos.add(waited.toNanos());
            }
        }

        LongAdder refused(Outcome outcome) {
            return Objects.requireNonNull(refused.get(outcome));
        }

        /** Returns the last refusals in no particular order. */
        List<Refusal> lastRefusals() {
            return IntStream.range(0, REFUSALS)
                    .mapToObj(last::get)
                    .filter(Objects::nonNull)
                    .toList();
        }
    }
}
