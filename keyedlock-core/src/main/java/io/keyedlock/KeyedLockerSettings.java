// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.Objects;

/**
 * How a locker behaves. Immutable; start from {@link #defaults()} and change what differs:
 *
 * <pre>{@code
 * KeyedLockerSettings settings = KeyedLockerSettings.defaults()
 *     .withName("orders")
 *     .withLimit(3)
 *     .withWaitTime(Duration.ofSeconds(5));
 * }</pre>
 *
 * @param name the locker's name, used in exceptions, logs and meters; not blank
 * @param limit how many callers each key admits at once; at least 1
 * @param fair whether a permit is always handed to the longest waiting caller. If not, a caller that finds a permit free
 *     may take it although others wait, but only for about a millisecond past the head of the queue; that is faster
 *     under contention
 * @param reentrant whether a thread that holds a key may take it again. If not, blocking calls throw
 *     {@link LockReentryException} and tries are empty
 * @param maxWaiters how many callers may wait for one key; a further one is refused with {@link LockRejectedException}. 0
 *     means that nobody waits, {@link #UNBOUNDED} that nobody is refused
 * @param waitTime how long an acquisition waits that names no time itself; {@link #FOREVER}, or not negative. Zero means
 *     that it does not wait
 * @param longHold after how long a hold is reported to {@link KeyedLockerListener#longHold}; zero turns the reports
 *     off, and with {@link DeadlockDetection#OFF} the scan that makes them too
 * @param deadlockDetection what happens to threads that wait for each other, in blocking acquisitions of this and
 *     other lockers and whatever the wait times; found within about two seconds
 * @param showKeys whether exception messages and log lines name the key
 */
public record KeyedLockerSettings(
        String name,
        int limit,
        boolean fair,
        boolean reentrant,
        int maxWaiters,
        Duration waitTime,
        Duration longHold,
        DeadlockDetection deadlockDetection,
        boolean showKeys) {

    /** What happens to threads that wait for each other's keys. */
    public enum DeadlockDetection {
        /** One of them fails with {@link LockDeadlockException}. */
        FAIL,
        /** The cycle is logged once as a warning. */
        REPORT,
        /** Nothing; they wait for ever. */
        OFF
    }

    /** A wait time without end. */
    public static final Duration FOREVER = Duration.ofSeconds(Long.MAX_VALUE);

    /** As many waiters as come. */
    public static final int UNBOUNDED = Integer.MAX_VALUE;

    private static final KeyedLockerSettings DEFAULTS = new KeyedLockerSettings(
            "default", 1, false, true, UNBOUNDED, FOREVER, Duration.ofSeconds(30), DeadlockDetection.FAIL, true);

    /**
     * Makes settings.
     *
     * @param name the locker's name
     * @param limit how many callers each key admits at once
     * @param fair whether a permit is always handed to the longest waiting caller
     * @param reentrant whether a thread that holds a key may take it again
     * @param maxWaiters how many callers may wait for one key
     * @param waitTime how long an acquisition waits that names no time itself
     * @param longHold after how long a hold is reported
     * @param deadlockDetection what happens to threads that wait for each other
     * @param showKeys whether exception messages and log lines name the key
     * @throws IllegalArgumentException if a value is out of its range; the message names it
     */
    public KeyedLockerSettings {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(waitTime, "waitTime");
        Objects.requireNonNull(longHold, "longHold");
        Objects.requireNonNull(deadlockDetection, "deadlockDetection");
        if (name.isBlank()) {
            throw new IllegalArgumentException("name must not be blank");
        }
        if (limit < 1) {
            throw new IllegalArgumentException("limit must be at least 1, but is " + limit);
        }
        if (maxWaiters < 0) {
            throw new IllegalArgumentException("maxWaiters must not be negative, but is " + maxWaiters);
        }
        if (waitTime.isNegative()) {
            throw new IllegalArgumentException("waitTime must not be negative, but is " + waitTime);
        }
        if (longHold.isNegative()) {
            throw new IllegalArgumentException("longHold must not be negative, but is " + longHold);
        }
    }

    /**
     * The settings of a locker that was given none: one caller per key, re-entrant, not fair, any number of waiters that
     * wait for ever, holds reported after 30 seconds, keys shown.
     *
     * @return the default settings, with the name {@code "default"}
     */
    public static KeyedLockerSettings defaults() {
        return DEFAULTS;
    }

    /**
     * These settings with another {@link #name()}.
     *
     * @param name the new value
     * @return new settings
     * @throws IllegalArgumentException if it is blank
     */
    public KeyedLockerSettings withName(String name) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys);
    }

    /**
     * These settings with another {@link #limit()}.
     *
     * @param limit the new value
     * @return new settings
     * @throws IllegalArgumentException if it is less than 1
     */
    public KeyedLockerSettings withLimit(int limit) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys);
    }

    /**
     * These settings with another {@link #fair()}.
     *
     * @param fair the new value
     * @return new settings
     */
    public KeyedLockerSettings withFair(boolean fair) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys);
    }

    /**
     * These settings with another {@link #reentrant()}.
     *
     * @param reentrant the new value
     * @return new settings
     */
    public KeyedLockerSettings withReentrant(boolean reentrant) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys);
    }

    /**
     * These settings with another {@link #maxWaiters()}.
     *
     * @param maxWaiters the new value
     * @return new settings
     * @throws IllegalArgumentException if it is negative
     */
    public KeyedLockerSettings withMaxWaiters(int maxWaiters) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys);
    }

    /**
     * These settings with another {@link #waitTime()}.
     *
     * @param waitTime the new value
     * @return new settings
     * @throws IllegalArgumentException if it is negative
     */
    public KeyedLockerSettings withWaitTime(Duration waitTime) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys);
    }

    /**
     * These settings with another {@link #longHold()}.
     *
     * @param longHold the new value
     * @return new settings
     * @throws IllegalArgumentException if it is negative
     */
    public KeyedLockerSettings withLongHold(Duration longHold) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys);
    }

    /**
     * These settings with another {@link #deadlockDetection()}.
     *
     * @param deadlockDetection the new value
     * @return new settings
     */
    public KeyedLockerSettings withDeadlockDetection(DeadlockDetection deadlockDetection) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys);
    }

    /**
     * These settings with another {@link #showKeys()}.
     *
     * @param showKeys the new value
     * @return new settings
     */
    public KeyedLockerSettings withShowKeys(boolean showKeys) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys);
    }
}
