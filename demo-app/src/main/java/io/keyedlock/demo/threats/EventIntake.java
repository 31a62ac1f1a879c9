// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import org.springframework.stereotype.Service;

/**
 * Stores events and retries after a conflict, in the same way with and without the lock. The loop is outside lock and
 * transaction, so every attempt reads the row again in a new transaction.
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
     * @param lock whether to hold the lock of the address
     * @return the new state of the address, and the number of conflicts
     * @throws TooManyConflictsException if every attempt conflicted; nothing is stored then
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
     * The result of storing an event.
     *
     * @param threat the new state of the address
     * @param lock whether it ran under the lock
     * @param retries the number of retries
     */
    public record Receipt(Threat threat, boolean lock, int retries) {}
}
