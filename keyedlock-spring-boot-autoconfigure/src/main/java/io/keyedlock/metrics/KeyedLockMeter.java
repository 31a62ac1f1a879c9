// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.metrics;

import java.util.List;

/** All meters. Each has the tag {@link #LOCK}; none has a key as a tag. */
enum KeyedLockMeter {
    ACQUIRE(
            "keyedlock.acquire",
            "function timer",
            "Acquisitions by outcome, including those that did not wait, and their total wait time"),
    WAIT("keyedlock.wait", "timer", "Waits longer than zero, whatever their outcome"),
    HOLD(
            "keyedlock.hold",
            "timer",
            "Time for which permits were held; by default one hold in 16, see keyedlock.metrics.hold"),
    KEYS_ACTIVE("keyedlock.keys.active", "gauge", "Keys that are held or waited for"),
    HOLDERS("keyedlock.holders", "gauge", "Holders of all keys"),
    WAITERS("keyedlock.waiters", "gauge", "Waiters of all keys"),
    LIMIT("keyedlock.limit", "gauge", "Callers that a key without a limit of its own admits at once"),
    LONG_HOLDS("keyedlock.long.holds", "counter", "Long holds, each counted once"),
    LEASES_LOST("keyedlock.leases.lost", "counter", "Leases of the backend that were lost while held"),
    BACKEND_UP(
            "keyedlock.backend.up",
            "gauge",
            "1 if the backend is available or the locker is local, 0 if the backend cannot be reached"),
    BACKEND_TIMEOUTS("keyedlock.backend.timeouts", "counter", "Backend calls that timed out"),
    LIMIT_ELSEWHERE("keyedlock.limit.elsewhere", "gauge", "A different limit used by another process, or 0 if none");

    /** The tag for the locker's name. */
    static final String LOCK = "lock";

    /** The tag for the outcome of an acquisition: {@link #ACQUIRED}, or the listener's outcome in lower case. */
    static final String OUTCOME = "outcome";

    /** The outcome of an acquisition that got a permit. */
    static final String ACQUIRED = "acquired";

    private final String meterName;
    private final String type;
    private final String description;

    KeyedLockMeter(String meterName, String type, String description) {
        this.meterName = meterName;
        this.type = type;
        this.description = description;
    }

    String meterName() {
        return meterName;
    }

    String type() {
        return type;
    }

    String description() {
        return description;
    }

    List<String> tags() {
        return this == ACQUIRE ? List.of(LOCK, OUTCOME) : List.of(LOCK);
    }
}
