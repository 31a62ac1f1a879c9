// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.time.Duration;
import java.util.Objects;

/**
 * How a locker uses Redis. Immutable; start from {@link #defaults()} and change what differs.
 *
 * @param leaseTime for how long a permit is held in Redis without being renewed: how long others wait after a holder's
 *     process has died, and how long a pause of a process may be without a loss. At least 100 ms
 * @param backendTimeout how long an answer of Redis is awaited. At least 10 ms
 * @param maxTurn for how long after its grant a permit may be passed on to further callers of this process, before it goes
 *     back to Redis, so that other processes get their turn. Zero never passes it on
 * @param keyEncoder gives each key its name in Redis
 */
public record RedisSettings(Duration leaseTime, Duration backendTimeout, Duration maxTurn, KeyEncoder keyEncoder) {

    private static final Duration SHORTEST_LEASE = Duration.ofMillis(100);
    private static final Duration SHORTEST_TIMEOUT = Duration.ofMillis(10);

    /** Longer than any lease or answer takes, and short enough to be counted in nanoseconds. */
    private static final Duration LONGEST = Duration.ofDays(365);

    private static final RedisSettings DEFAULTS = new RedisSettings(
            Duration.ofSeconds(30), Duration.ofSeconds(3), Duration.ofMillis(100), KeyEncoder.standard());

    /**
     * Makes settings.
     *
     * @param leaseTime for how long a permit is held in Redis without being renewed
     * @param backendTimeout how long an answer of Redis is awaited
     * @param maxTurn for how long after its grant a permit may be passed on in this process
     * @param keyEncoder gives each key its name in Redis
     * @throws IllegalArgumentException if a value is out of its range; the message names it
     */
    public RedisSettings {
        Objects.requireNonNull(keyEncoder, "keyEncoder");
        check("leaseTime", leaseTime, SHORTEST_LEASE);
        check("backendTimeout", backendTimeout, SHORTEST_TIMEOUT);
        check("maxTurn", maxTurn, Duration.ZERO);
    }

    private static void check(String name, Duration value, Duration least) {
        Objects.requireNonNull(value, name);
        if (value.compareTo(least) < 0 || value.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(
                    name + " must be at least " + least + " and at most " + LONGEST + ", but is " + value);
        }
    }

    /**
     * Leases of 30 seconds, answers awaited for 3 seconds, turns of 100 milliseconds, and the standard names of keys.
     *
     * @return the default settings
     */
    public static RedisSettings defaults() {
        return DEFAULTS;
    }

    /**
     * These settings with another {@link #leaseTime()}.
     *
     * @param leaseTime the new value
     * @return new settings
     * @throws IllegalArgumentException if it is out of its range
     */
    public RedisSettings withLeaseTime(Duration leaseTime) {
        return new RedisSettings(leaseTime, backendTimeout, maxTurn, keyEncoder);
    }

    /**
     * These settings with another {@link #backendTimeout()}.
     *
     * @param backendTimeout the new value
     * @return new settings
     * @throws IllegalArgumentException if it is out of its range
     */
    public RedisSettings withBackendTimeout(Duration backendTimeout) {
        return new RedisSettings(leaseTime, backendTimeout, maxTurn, keyEncoder);
    }

    /**
     * These settings with another {@link #maxTurn()}.
     *
     * @param maxTurn the new value
     * @return new settings
     * @throws IllegalArgumentException if it is out of its range
     */
    public RedisSettings withMaxTurn(Duration maxTurn) {
        return new RedisSettings(leaseTime, backendTimeout, maxTurn, keyEncoder);
    }

    /**
     * These settings with another {@link #keyEncoder()}.
     *
     * @param keyEncoder the new value
     * @return new settings
     */
    public RedisSettings withKeyEncoder(KeyEncoder keyEncoder) {
        return new RedisSettings(leaseTime, backendTimeout, maxTurn, keyEncoder);
    }
}
