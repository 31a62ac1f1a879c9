// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.List;

/**
 * The state of a locker in figures, with its most contended keys. Gathered in one pass without sorting and without
 * copying all keys, so that it is cheap for a locker with a million active keys.
 *
 * @param activeKeys how many keys were active
 * @param holders how many callers were inside, over all keys
 * @param waiters how many callers were waiting, over all keys
 * @param keys the most contended keys, those with the most waiters first, then those with the most holders
 * @param <K> the type of the keys
 */
public record LockerOverview<K>(int activeKeys, long holders, long waiters, List<KeyFigures<K>> keys) {

    /**
     * Makes an overview.
     *
     * @param activeKeys how many keys were held or awaited
     * @param holders how many callers were inside
     * @param waiters how many callers were waiting
     * @param keys the most contended keys, copied
     */
    public LockerOverview {
        keys = List.copyOf(keys);
    }

    /**
     * One key in figures.
     *
     * @param key the key
     * @param holders how many callers were inside
     * @param waiters how many callers were waiting
     * @param longestHold the age of the oldest holder (see {@link KeySnapshot.Caller#age()}), zero without a holder
     * @param longestWait the age of the oldest waiter, zero without a waiter
     * @param <K> the type of the key
     */
    public record KeyFigures<K>(K key, int holders, int waiters, Duration longestHold, Duration longestWait) {}
}
