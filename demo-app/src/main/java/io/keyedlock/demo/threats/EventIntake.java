// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import org.springframework.stereotype.Service;

/**
 * Takes events in and tries again after a conflict, in the same way with and without the lock. The loop stands outside lock
 * and transaction: every attempt begins with a transaction of its own that reads the row anew.
 */
@Service
public class EventIntake {

    private final ThreatScores scores;
    private final EventCounts counts;
    private final int maxAttempts;
    private final long maxPauseNanos;

    EventIntake(ThreatScores scores, EventCounts counts, EventProperties properties) {
        this.scores = scores;
        this.counts = counts;
        this.maxAttempts = properties.maxAttempts();
        this.maxPauseNanos = properties.maxPause().toNanos();
    }

    /**
     * Adds an event to the score of its address.
     *
     * @param event the event
     * @param lock whether to do it under the lock of the address
     * @return the address after it, and how many conflicts it took
     * @throws TooManyConflictsException if it conflicted at every attempt; nothing is stored then
     */
    public Receipt accept(SecurityEvent event, boolean lock) {
        for (int conflicts = 0; ; ) {
            try {
                Threat threat = lock ? scores.addUnderLock(event) : scores.addWithoutLock(event);
                counts.event(lock);
                return new Receipt(threat, lock, conflicts);
            } catch (RuntimeException failure) {
                if (!Conflicts.isConflict(failure)) {
                    throw failure;
                }
                counts.conflict(lock);
                if (++conflicts == maxAttempts) {
                    throw new TooManyConflictsException(event.address(), conflicts, failure);
                }
                counts.retry(lock);
                LockSupport.parkNanos(this, ThreadLocalRandom.current().nextLong(maxPauseNanos + 1));
            }
        }
    }

    /**
     * What became of an event.
     *
     * @param threat the address after it
     * @param lock whether it ran under the lock
     * @param retries how often it had to be tried again
     */
    public record Receipt(Threat threat, boolean lock, int retries) {}
}
