// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import java.time.Duration;
import java.util.Objects;

/**
 * The settings of a locker for its use of a {@link LeaseStore}. Immutable; start from {@link #defaults()} and change individual
 * values.
 *
 * @param leaseTime how long a lease lasts unless it is renewed. Others wait for this time after a holder's process has died,
 *     and a process may pause for this time without losing its leases. At least 100 ms
 * @param backendTimeout how long to wait for an answer of the store. At least 10 ms
 * @param handoffWindow how long after its grant a lease may be handed off to other callers in this process. It is then
 *     released to the store, so that other processes are served. Zero disables the hand-off
 * @param maxHold how long a lease is renewed. A lease that is held longer ends and is lost, so a process that hangs blocks
 *     others only for a bounded time. Zero renews a lease for as long as it is held
 * @param failOnLeaseLost whether an annotated call whose lease was lost fails with
 *     {@link io.keyedlock.LockLeaseLostException}; otherwise the loss is only reported
 * @param keyEncoder the encoder that gives each key its name in the store
 * @since 0.1.0
 * @see Leases#backend
 */
public record LeaseSettings(
        Duration leaseTime,
        Duration backendTimeout,
        Duration handoffWindow,
        Duration maxHold,
        boolean failOnLeaseLost,
        KeyEncoder keyEncoder) {

    /** The shortest {@link #leaseTime()}. */
    public static final Duration SHORTEST_LEASE = Duration.ofMillis(100);

    /** The shortest {@link #backendTimeout()}. */
    public static final Duration SHORTEST_TIMEOUT = Duration.ofMillis(10);

    /** The longest value of any setting. Every value can be counted in nanoseconds. */
    public static final Duration LONGEST = Duration.ofDays(365);

    private static final LeaseSettings DEFAULTS = new LeaseSettings(
            Duration.ofSeconds(30),
            Duration.ofSeconds(3),
            Duration.ofMillis(100),
            Duration.ZERO,
            true,
            KeyEncoder.standard());

    /**
     * Creates settings.
     *
     * @param leaseTime how long a lease lasts unless it is renewed
     * @param backendTimeout how long to wait for an answer of the store
     * @param handoffWindow how long after its grant a lease may be handed off in this process
     * @param maxHold how long a lease is renewed, or zero
     * @param failOnLeaseLost whether an annotated call whose lease was lost fails
     * @param keyEncoder the encoder that gives each key its name in the store
     * @throws IllegalArgumentException if a value is out of its range; the message names it
     */
    public LeaseSettings {
        Objects.requireNonNull(keyEncoder, "keyEncoder");
        check("leaseTime", leaseTime, SHORTEST_LEASE);
        check("backendTimeout", backendTimeout, SHORTEST_TIMEOUT);
        check("handoffWindow", handoffWindow, Duration.ZERO);
        check("maxHold", maxHold, Duration.ZERO);
    }

    private static void check(String name, Duration value, Duration least) {
        Objects.requireNonNull(value, name);
        if (value.compareTo(least) < 0 || value.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(
                    name + " must be at least " + least + " and at most " + LONGEST + ", but is " + value);
        }
    }

    /**
     * Returns the default settings: leases of 30 seconds, answers within 3 seconds, a hand-off window of 100 milliseconds, no
     * maximum hold, failing calls, and the standard names of keys.
     *
     * @return the default settings
     */
    public static LeaseSettings defaults() {
        return DEFAULTS;
    }

    /**
     * Returns these settings with another {@link #leaseTime()}.
     *
     * @param leaseTime the new value
     * @return new settings
     * @throws IllegalArgumentException if it is out of its range
     */
    public LeaseSettings withLeaseTime(Duration leaseTime) {
        return new LeaseSettings(leaseTime, backendTimeout, handoffWindow, maxHold, failOnLeaseLost, keyEncoder);
    }

    /**
     * Returns these settings with another {@link #backendTimeout()}.
     *
     * @param backendTimeout the new value
     * @return new settings
     * @throws IllegalArgumentException if it is out of its range
     */
    public LeaseSettings withBackendTimeout(Duration backendTimeout) {
        return new LeaseSettings(leaseTime, backendTimeout, handoffWindow, maxHold, failOnLeaseLost, keyEncoder);
    }

    /**
     * Returns these settings with another {@link #handoffWindow()}.
     *
     * @param handoffWindow the new value
     * @return new settings
     * @throws IllegalArgumentException if it is out of its range
     */
    public LeaseSettings withHandoffWindow(Duration handoffWindow) {
        return new LeaseSettings(leaseTime, backendTimeout, handoffWindow, maxHold, failOnLeaseLost, keyEncoder);
    }

    /**
     * Returns these settings with another {@link #maxHold()}.
     *
     * @param maxHold the new value
     * @return new settings
     * @throws IllegalArgumentException if it is out of its range
     */
    public LeaseSettings withMaxHold(Duration maxHold) {
        return new LeaseSettings(leaseTime, backendTimeout, handoffWindow, maxHold, failOnLeaseLost, keyEncoder);
    }

    /**
     * Returns these settings with another {@link #failOnLeaseLost()}.
     *
     * @param failOnLeaseLost the new value
     * @return new settings
     */
    public LeaseSettings withFailOnLeaseLost(boolean failOnLeaseLost) {
        return new LeaseSettings(leaseTime, backendTimeout, handoffWindow, maxHold, failOnLeaseLost, keyEncoder);
    }

    /**
     * Returns these settings with another {@link #keyEncoder()}.
     *
     * @param keyEncoder the new value
     * @return new settings
     */
    public LeaseSettings withKeyEncoder(KeyEncoder keyEncoder) {
        return new LeaseSettings(leaseTime, backendTimeout, handoffWindow, maxHold, failOnLeaseLost, keyEncoder);
    }
}
