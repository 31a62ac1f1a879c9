// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.stereotype.Component;

/** Counts events, conflicts and retries as meters, apart for both ways. */
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
     * What was counted since the start.
     *
     * @return the figures of both ways
     */
    public Figures figures() {
        return new Figures(withLock.figures(), withoutLock.figures());
    }

    private Way way(boolean lock) {
        return lock ? withLock : withoutLock;
    }

    /**
     * Both ways.
     *
     * @param withLock events that ran under the lock
     * @param withoutLock events that did not
     */
    public record Figures(WayFigures withLock, WayFigures withoutLock) {}

    /**
     * One way.
     *
     * @param events events that were stored
     * @param conflicts transactions that failed because another was faster
     * @param retries how often an event was tried again
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
