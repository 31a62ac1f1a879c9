// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.List;

/**
 * Who held and who awaited one key at one moment.
 *
 * @param key the key
 * @param limit how many callers the key admits at once
 * @param holders who was inside, oldest first; a thread that has re-entered is one holder
 * @param waiters who was waiting, in the order in which they will be served
 * @param <K> the type of the key
 */
public record KeySnapshot<K>(K key, int limit, List<Caller> holders, List<Caller> waiters) {

    /**
     * Makes a snapshot.
     *
     * @param key the key
     * @param limit how many callers the key admits at once
     * @param holders who was inside, oldest first
     * @param waiters who was waiting, in the order in which they will be served
     * @throws NullPointerException if a list is null or holds null
     */
    public KeySnapshot {
        holders = List.copyOf(holders);
        waiters = List.copyOf(waiters);
    }

    /**
     * One holder or waiter.
     *
     * @param threadName the name of its thread, or {@code "async"} for one that no thread owns
     * @param threadId the id of its thread, or -1 for one that no thread owns
     * @param virtual whether its thread is a virtual thread
     * @param age for a waiter, how long it has waited; for a holder, how long it was seen to hold. Unless a listener times
     *     holds, a holder is first seen by a snapshot or by the scan for long holds, so that its age may be short by the
     *     interval of that scan (at most one second), or zero where neither has looked before
     */
    public record Caller(String threadName, long threadId, boolean virtual, Duration age) {}
}
