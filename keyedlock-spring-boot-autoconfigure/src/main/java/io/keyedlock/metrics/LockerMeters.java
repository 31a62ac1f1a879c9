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
 * The figures of one locker that are counted as things happen. An acquisition that does not wait costs one addition here
 * and reads no clock.
 *
 * <p>Counts are kept from the first event, the timers from when a registry is there.
 */
final class LockerMeters implements KeyedLockerListener {

    private final String lockName;
    private final boolean timesHolds;
    private final Tally acquired = new Tally();
    private final Map<Outcome, Tally> notAcquired = new EnumMap<>(Outcome.class);
    private final LongAdder longHolds = new LongAdder();
    private final LongAdder leasesLost = new LongAdder();

    /** Written once, when a registry is there. */
    private volatile @Nullable Timer waits;

    /** Written once, when a registry is there, unless holds are not timed. */
    private volatile @Nullable Timer holds;

    LockerMeters(String lockName, boolean timesHolds) {
        this.lockName = lockName;
        this.timesHolds = timesHolds;
        for (Outcome outcome : Outcome.values()) {
            notAcquired.put(outcome, new Tally());
        }
    }

    void bindTo(MeterRegistry registry, Consumer<Meter> made) {
        Tags tags = Tags.of(KeyedLockMeter.LOCK, lockName);
        made.accept(acquired.register(registry, tags, KeyedLockMeter.ACQUIRED));
        notAcquired.forEach((outcome, tally) ->
                made.accept(tally.register(registry, tags, outcome.name().toLowerCase(Locale.ROOT))));
        Timer waitTimer = timer(KeyedLockMeter.WAIT, tags, registry);
        made.accept(waitTimer);
        waits = waitTimer;
        if (timesHolds) {
            Timer holdTimer = timer(KeyedLockMeter.HOLD, tags, registry);
            made.accept(holdTimer);
            holds = holdTimer;
        }
        made.accept(counter(KeyedLockMeter.LONG_HOLDS, longHolds, tags, registry));
        made.accept(counter(KeyedLockMeter.LEASES_LOST, leasesLost, tags, registry));
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
    public boolean timesHolds() {
        return timesHolds;
    }

    @Override
    public void acquired(Object key, Duration waited) {
        ended(acquired, waited);
    }

    @Override
    public void notAcquired(Object key, Outcome outcome, Duration waited) {
        Tally tally = notAcquired.get(outcome);
        if (tally != null) {
            ended(tally, waited);
        }
    }

    private void ended(Tally tally, Duration waited) {
        tally.count.increment();
        if (!waited.isZero()) {
            tally.nanos.add(waited.toNanos());
        }
    }

    /** The end of a wait is recorded in the context of who waited, so that the exemplar of it is that caller's trace. */
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
        if (timer != null) {
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

    /** The acquisitions that ended in one way. */
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
