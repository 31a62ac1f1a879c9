// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.List;

/**
 * The state of a locker in figures, with its most contended keys. Collected in one pass, without sorting or copying all keys,
 * so that it is cheap even with a million active keys.
 *
 * @param activeKeys the number of active keys
 * @param holders the number of holders of all keys
 * @param waiters the number of waiters of all keys
 * @param keys the most contended keys: first those with the most waiters, then those with the most holders
 * @param <K> the type of the keys
 * @since 0.1.0
 */
public record LockerOverview<K>(int activeKeys, long holders, long waiters, List<KeyFigures<K>> keys) {

    /**
     * Creates an overview.
     *
     * @param activeKeys the number of active keys
     * @param holders the number of holders
     * @param waiters the number of waiters
     * @param keys the most contended keys, copied
     */
    public LockerOverview {
        keys = List.copyOf(keys);
    }

    /**
     * The state of one key in figures.
     *
     * @param key the key
     * @param limit the number of callers that the key admits at once
     * @param holders the number of holders
     * @param waiters the number of waiters
     * @param longestHold the age of the oldest holder (see {@link KeySnapshot.Caller#age()}); zero without a holder
     * @param longestWait the age of the oldest waiter; zero without a waiter
     * @param <K> the type of the key
     * @since 0.1.0
     */
    public record KeyFigures<K>(
            K key, int limit, int holders, int waiters, Duration longestHold, Duration longestWait) {}
}
