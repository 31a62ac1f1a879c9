// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.Objects;
import java.util.function.ToIntFunction;

/**
 * The settings of a locker. Immutable. Start from {@link #defaults()} and change individual settings:
 *
 * <pre>{@code
 * KeyedLockerSettings settings = KeyedLockerSettings.defaults()
 *     .withName("orders")
 *     .withLimit(3)
 *     .withWaitTime(Duration.ofSeconds(5));
 * }</pre>
 *
 * @param name the locker's name, used in exceptions, logs and meters; not blank
 * @param limit the number of callers that each key admits at once; at least 1. 1 is mutual exclusion
 * @param fair whether a released permit is always handed off to the head of the queue. If not, a caller that finds a permit
 *     free may acquire it although others wait, but only until the head has been overtaken for about a millisecond; that is
 *     faster under contention
 * @param reentrant whether a thread that holds a key may acquire it again. If not, blocking calls throw
 *     {@link LockReentryException} and {@code tryAcquire} returns empty
 * @param maxWaiters the maximum number of waiters per key; a further caller is rejected with {@link LockRejectedException}.
 *     With 0, no caller waits; {@link #UNBOUNDED} is no limit
 * @param waitTime the wait time of an acquisition that does not specify one; not negative. With zero, it does not wait;
 *     {@link #FOREVER} is no limit
 * @param longHold the time after which a hold is reported to {@link KeyedLockerListener#longHold}. Zero turns the reports off
 *     and, if {@code deadlockDetection} is {@link DeadlockDetection#OFF}, also the background scan
 * @param deadlockDetection what happens to threads that wait for each other in blocking acquisitions, of this and other lockers
 *     and with any wait times. A deadlock is found within about two seconds
 * @param showKeys whether exception messages and log lines name the key
 * @param keyLimits the limits of individual keys; see {@link #withKeyLimits}
 * @see KeyedLocker#create(KeyedLockerSettings)
 * @since 0.1.0
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
        boolean showKeys,
        ToIntFunction<Object> keyLimits) {

    /**
     * What happens to threads that wait for each other's keys.
     *
     * @since 0.1.0
     */
    public enum DeadlockDetection {
        /** One of the threads fails with {@link LockDeadlockException}. */
        FAIL,
        /** The cycle is logged once as a warning. */
        REPORT,
        /** Deadlocks are not detected; the threads wait until their wait times end, or forever. */
        OFF
    }

    /** A wait time without limit. */
    public static final Duration FOREVER = Duration.ofSeconds(Long.MAX_VALUE);

    /** An unlimited number of waiters. */
    public static final int UNBOUNDED = Integer.MAX_VALUE;

    private static final KeyedLockerSettings DEFAULTS = new KeyedLockerSettings(
            "default",
            1,
            false,
            true,
            UNBOUNDED,
            FOREVER,
            Duration.ofSeconds(30),
            DeadlockDetection.FAIL,
            true,
            key -> 0);

    /**
     * Creates settings.
     *
     * @param name the locker's name
     * @param limit the number of callers that each key admits at once
     * @param fair whether a released permit is always handed off to the head of the queue
     * @param reentrant whether a thread that holds a key may acquire it again
     * @param maxWaiters the maximum number of waiters per key
     * @param waitTime the wait time of an acquisition that does not specify one
     * @param longHold the time after which a hold is reported
     * @param deadlockDetection what happens to threads that wait for each other
     * @param showKeys whether exception messages and log lines name the key
     * @param keyLimits the limits of individual keys
     * @throws IllegalArgumentException if a value is out of its range; the message names it
     */
    public KeyedLockerSettings {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(waitTime, "waitTime");
        Objects.requireNonNull(longHold, "longHold");
        Objects.requireNonNull(deadlockDetection, "deadlockDetection");
        Objects.requireNonNull(keyLimits, "keyLimits");
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
     * Returns the default settings: one caller per key, not fair, reentrant, any number of waiters, no limit on the wait time,
     * holds reported after 30 seconds, {@link DeadlockDetection#FAIL}, and keys shown.
     *
     * @return the default settings, with the name {@code "default"}
     */
    public static KeyedLockerSettings defaults() {
        return DEFAULTS;
    }

    /**
     * Returns these settings with another {@link #name()}.
     *
     * @param name the new value
     * @return new settings
     * @throws IllegalArgumentException if it is blank
     */
    public KeyedLockerSettings withName(String name) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys, keyLimits);
    }

    /**
     * Returns these settings with another {@link #limit()}.
     *
     * @param limit the new value
     * @return new settings
     * @throws IllegalArgumentException if it is less than 1
     */
    public KeyedLockerSettings withLimit(int limit) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys, keyLimits);
    }

    /**
     * Returns these settings with another {@link #fair()}.
     *
     * @param fair the new value
     * @return new settings
     */
    public KeyedLockerSettings withFair(boolean fair) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys, keyLimits);
    }

    /**
     * Returns these settings with another {@link #reentrant()}.
     *
     * @param reentrant the new value
     * @return new settings
     */
    public KeyedLockerSettings withReentrant(boolean reentrant) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys, keyLimits);
    }

    /**
     * Returns these settings with another {@link #maxWaiters()}.
     *
     * @param maxWaiters the new value
     * @return new settings
     * @throws IllegalArgumentException if it is negative
     */
    public KeyedLockerSettings withMaxWaiters(int maxWaiters) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys, keyLimits);
    }

    /**
     * Returns these settings with another {@link #waitTime()}.
     *
     * @param waitTime the new value
     * @return new settings
     * @throws IllegalArgumentException if it is negative
     */
    public KeyedLockerSettings withWaitTime(Duration waitTime) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys, keyLimits);
    }

    /**
     * Returns these settings with another {@link #longHold()}.
     *
     * @param longHold the new value
     * @return new settings
     * @throws IllegalArgumentException if it is negative
     */
    public KeyedLockerSettings withLongHold(Duration longHold) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys, keyLimits);
    }

    /**
     * Returns these settings with another {@link #deadlockDetection()}.
     *
     * @param deadlockDetection the new value
     * @return new settings
     */
    public KeyedLockerSettings withDeadlockDetection(DeadlockDetection deadlockDetection) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys, keyLimits);
    }

    /**
     * Returns these settings with another {@link #showKeys()}.
     *
     * @param showKeys the new value
     * @return new settings
     */
    public KeyedLockerSettings withShowKeys(boolean showKeys) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys, keyLimits);
    }

    /**
     * Returns these settings with another {@link #keyLimits()}: limits of individual keys.
     *
     * <pre>{@code
     * KeyedLockerSettings.defaults()
     *     .withName("tenants")
     *     .withLimit(3)
     *     .withKeyLimits(tenant -> premium.contains(tenant) ? 10 : 0);
     * }</pre>
     *
     * <p>The function returns the limit of a key, or 0 for the locker's. The locker calls it when a second caller competes for
     * an active key (with a backend, when a key becomes active), and again in {@link KeyedLocker#refreshLimits()}; an
     * uncontended acquisition does not call it. Snapshots call it for keys that nobody has competed for. It runs on the thread
     * of the caller, outside all locks, and delays only that caller. If it throws or returns a negative number, the locker's
     * limit applies, and that is logged once per locker. The function must not use the same locker: calls that would call it
     * again throw {@link IllegalStateException}.
     *
     * @param keyLimits the new value
     * @return new settings
     */
    public KeyedLockerSettings withKeyLimits(ToIntFunction<Object> keyLimits) {
        return new KeyedLockerSettings(
                name, limit, fair, reentrant, maxWaiters, waitTime, longHold, deadlockDetection, showKeys, keyLimits);
    }

    /** Returns whether keys may have limits of their own. */
    boolean hasKeyLimits() {
        return keyLimits != DEFAULTS.keyLimits;
    }
}
