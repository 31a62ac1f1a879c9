// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.metrics;

import java.util.List;

/** Every meter there is. Each has the tag {@link #LOCK}, and none has a key. */
enum KeyedLockMeter {
    ACQUIRE(
            "keyedlock.acquire",
            "function timer",
            "Acquisitions by how they ended, those that did not wait too, and the time waited in all"),
    WAIT("keyedlock.wait", "timer", "Waits that were not zero, however they ended"),
    HOLD("keyedlock.hold", "timer", "How long permits were held"),
    KEYS_ACTIVE("keyedlock.keys.active", "gauge", "Keys that are held or awaited"),
    HOLDERS("keyedlock.holders", "gauge", "Callers inside, over all keys"),
    WAITERS("keyedlock.waiters", "gauge", "Callers waiting, over all keys"),
    LONG_HOLDS("keyedlock.long.holds", "counter", "Holds that were reported as long, each counted once"),
    LEASES_LOST("keyedlock.leases.lost", "counter", "Permits from a backend that were lost while they were held"),
    BACKEND_UP("keyedlock.backend.up", "gauge", "1, or 0 while the backend where permits come from cannot be reached"),
    BACKEND_TIMEOUTS("keyedlock.backend.timeouts", "counter", "Calls that the backend did not answer in time"),
    LIMIT_ELSEWHERE("keyedlock.limit.elsewhere", "gauge", "The limit that another process uses, or 0 if none differs");

    /** The tag with the locker's name. */
    static final String LOCK = "lock";

    /** The tag that tells how an acquisition ended: {@link #ACQUIRED}, or an outcome of the engine in lower case. */
    static final String OUTCOME = "outcome";

    /** The outcome of an acquisition that was given a permit. */
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
