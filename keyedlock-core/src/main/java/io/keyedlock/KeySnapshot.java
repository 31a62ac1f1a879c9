// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.List;

/**
 * The holders and waiters of one key at one moment.
 *
 * @param key the key
 * @param limit the number of callers that the key admits at once
 * @param holders the holders, oldest first; a thread that has reentered is one holder
 * @param waiters the waiters, in the order in which they will be served
 * @param <K> the type of the key
 * @since 0.1.0
 */
public record KeySnapshot<K>(K key, int limit, List<Caller> holders, List<Caller> waiters) {

    /**
     * Creates a snapshot.
     *
     * @param key the key
     * @param limit the number of callers that the key admits at once
     * @param holders the holders, oldest first
     * @param waiters the waiters, in the order in which they will be served
     * @throws NullPointerException if a list is null or contains null
     */
    public KeySnapshot {
        holders = List.copyOf(holders);
        waiters = List.copyOf(waiters);
    }

    /**
     * One holder or waiter.
     *
     * @param threadName the name of its thread, or {@code "async"} if no thread owns it
     * @param threadId the id of its thread, or -1 if no thread owns it
     * @param virtual whether its thread is a virtual thread
     * @param age for a waiter, how long it has waited; for a holder, how long it is known to hold. Unless a listener times
     *     holds, a hold is first recorded by a snapshot or by the scan for long holds, so its age may be too short by the
     *     interval of that scan (at most one second), or zero if neither has run before
     * @since 0.1.0
     */
    public record Caller(String threadName, long threadId, boolean virtual, Duration age) {}
}
