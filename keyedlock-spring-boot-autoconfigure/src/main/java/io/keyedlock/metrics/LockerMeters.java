// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.metrics;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyedLockerListener;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The meters of one locker that are updated by its events. An acquisition that does not wait costs one addition and no clock
 * read.
 *
 * <p>Counting starts with the first event, timing when a registry is bound.
 */
final class LockerMeters implements KeyedLockerListener {

    private final String lockName;
    private final HoldTiming holdTiming;
    private final Tally acquired = new Tally();
    private final Map<Outcome, Tally> notAcquired = new EnumMap<>(Outcome.class);
    private final LongAdder longHolds = new LongAdder();
    private final LongAdder leasesLost = new LongAdder();

    /** Written once, when a registry is bound. */
    private volatile @Nullable Timer waits;

    /** Written once, when a registry is bound, if holds are timed. */
    private volatile @Nullable Timer holds;

    LockerMeters(String lockName, HoldTiming holdTiming) {
        this.lockName = lockName;
        this.holdTiming = holdTiming;
        for (Outcome outcome : Outcome.values()) {
            notAcquired.put(outcome, new Tally());
        }
    }

    void bindTo(MeterRegistry registry, Consumer<Meter> registered) {
        Tags tags = Tags.of(KeyedLockMeter.LOCK, lockName);
        registered.accept(acquired.register(registry, tags, KeyedLockMeter.ACQUIRED));
        notAcquired.forEach((outcome, tally) ->
                registered.accept(tally.register(registry, tags, outcome.name().toLowerCase(Locale.ROOT))));
        Timer waitTimer = timer(KeyedLockMeter.WAIT, tags, registry);
        registered.accept(waitTimer);
        waits = waitTimer;
        if (holdTiming != HoldTiming.OFF) {
            Timer holdTimer = timer(KeyedLockMeter.HOLD, tags, registry);
            registered.accept(holdTimer);
            holds = holdTimer;
        }
        registered.accept(counter(KeyedLockMeter.LONG_HOLDS, longHolds, tags, registry));
        registered.accept(counter(KeyedLockMeter.LEASES_LOST, leasesLost, tags, registry));
    }

    private static FunctionCounter counter(KeyedLockMeter meter, LongAdder count, Tags tags, MeterRegistry registry) {
        return FunctionCounter.builder(meter.meterName(), count, LongAdder::sum)
                .description(meter.description())
                .tags(tags)
                .register(registry);
    }

    private static Timer timer(KeyedLockMeter meter, Tags tags, MeterRegistry registry) {
        return Timer.builder(meter.meterName())
                .description(meter.description())
                .tags(tags)
                .register(registry);
    }

    @Override
    public HoldTiming holdTiming() {
        return holdTiming;
    }

    @Override
    public void acquired(Object key, Duration waited) {
        count(acquired, waited);
    }

    @Override
    public void notAcquired(Object key, Outcome outcome, Duration waited) {
        Tally tally = notAcquired.get(outcome);
        if (tally != null) {
            count(tally, waited);
        }
    }

    private void count(Tally tally, Duration waited) {
        tally.count.increment();
        if (!waited.isZero()) {
            tally.nanos.add(waited.toNanos());
        }
    }

    /** Records the end of the wait in the waiter's context, so that the timer's exemplar is the trace of the waiter. */
    @Override
    public Wait waiting(Object key, int ahead) {
        WaiterContext context = WaiterContext.capture();
        return (failure, waited) -> {
            Timer timer = waits;
            if (timer != null && !waited.isZero()) {
                context.run(() -> timer.record(waited));
            }
        };
    }

    @Override
    public void released(Object key, Duration held) {
        Timer timer = holds;
        // Zero is a hold that was not timed.
        if (timer != null && !held.isZero()) {
            timer.record(held);
        }
    }

    @Override
    public void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
        longHolds.increment();
    }

    @Override
    public void leaseLost(Object key) {
        leasesLost.increment();
    }

    /** The number and total wait time of the acquisitions with one outcome. */
    private static final class Tally {

        private final LongAdder count = new LongAdder();
        private final LongAdder nanos = new LongAdder();

        private FunctionTimer register(MeterRegistry registry, Tags tags, String outcome) {
            return FunctionTimer.builder(
                            KeyedLockMeter.ACQUIRE.meterName(),
                            this,
                            tally -> tally.count.sum(),
                            tally -> tally.nanos.sum(),
                            TimeUnit.NANOSECONDS)
                    .description(KeyedLockMeter.ACQUIRE.description())
                    .tags(tags.and(KeyedLockMeter.OUTCOME, outcome))
                    .register(registry);
        }
    }
}
