// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.util.List;
import java.util.Objects;

/**
 * The names of keys and channels in Redis. All begin with a prefix and the version of the format.
 *
 * <p>Redis Cluster chooses the slot by the text in the first braces. That is the name of the locker, so one script may touch all
 * that belongs to a key of it, and lockers spread over the slots.
 */
final class RedisNames {

    private static final String VERSION = ":v1:";

    private final String prefix;

    RedisNames(String prefix) {
        Objects.requireNonNull(prefix, "prefix");
        if (prefix.isBlank() || prefix.contains("{") || prefix.contains("}")) {
            throw new IllegalArgumentException(
                    "The prefix of names in Redis must not be blank or contain braces, but is '" + prefix + "'");
        }
        this.prefix = prefix + VERSION;
    }

    /** The pattern of all names, as an ACL rule contains it. */
    String pattern() {
        return prefix + "*";
    }

    /** A key that never exists, to check writing. */
    String check() {
        return prefix + "check";
    }

    /** The channels on which processes are told of turns, without the id of the process. */
    String channels() {
        return prefix + "turn:";
    }

    /** The last fencing token of a locker: the one key that stays. */
    String token(String lock) {
        return locker(lock) + "token";
    }

    /**
     * The keys of a key of a locker: leases by the time at which they end, tokens and owners of these leases, waiters by their
     * arrival, and states of these waiters.
     */
    List<String> keys(String lock, String key) {
        String locker = locker(lock);
        return List.of(
                locker + "holders:" + key,
                locker + "owners:" + key,
                locker + "queue:" + key,
                locker + "waiters:" + key);
    }

    /** The number of the last claim of a key that a requester has released. */
    String gone(String lock, String requester, String key) {
        return locker(lock) + "gone:" + requester + ":" + key;
    }

    private String locker(String lock) {
        return prefix + "{" + lock.replace("%", "%25").replace("{", "%7B").replace("}", "%7D") + "}:";
    }
}
