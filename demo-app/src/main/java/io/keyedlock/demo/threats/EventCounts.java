// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.stereotype.Component;

/** Counts events, conflicts and retries as meters, separately with and without the lock. */
@Component
public class EventCounts {

    private final Way withLock;
    private final Way withoutLock;

    EventCounts(MeterRegistry meters) {
        this.withLock = new Way(meters, true);
        this.withoutLock = new Way(meters, false);
    }

    void event(boolean lock) {
        way(lock).events.increment();
    }

    void conflict(boolean lock) {
        way(lock).conflicts.increment();
    }

    void retry(boolean lock) {
        way(lock).retries.increment();
    }

    /**
     * Returns the counts since the start.
     *
     * @return the counts with and without the lock
     */
    public Figures figures() {
        return new Figures(withLock.figures(), withoutLock.figures());
    }

    private Way way(boolean lock) {
        return lock ? withLock : withoutLock;
    }

    /**
     * The counts with and without the lock.
     *
     * @param withLock the counts of events that ran under the lock
     * @param withoutLock the counts of the other events
     */
    public record Figures(WayFigures withLock, WayFigures withoutLock) {}

    /**
     * The counts of one way.
     *
     * @param events the number of events stored
     * @param conflicts the number of transactions that failed because of a concurrent one
     * @param retries the number of retries
     */
    public record WayFigures(long events, long conflicts, long retries) {}

    private static final class Way {

        private final Counter events;
        private final Counter conflicts;
        private final Counter retries;

        Way(MeterRegistry meters, boolean lock) {
            String locked = Boolean.toString(lock);
            this.events = meters.counter("demo.events", "locked", locked);
            this.conflicts = meters.counter("demo.conflicts", "locked", locked);
            this.retries = meters.counter("demo.retries", "locked", locked);
        }

        WayFigures figures() {
            return new WayFigures((long) events.count(), (long) conflicts.count(), (long) retries.count());
        }
    }
}
