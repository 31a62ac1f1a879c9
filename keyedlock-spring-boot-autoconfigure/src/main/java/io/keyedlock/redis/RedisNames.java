// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.util.List;
import java.util.Objects;

/**
 * The names of keys and channels in Redis. Each name begins with a prefix and the version of the format.
 *
 * <p>Redis Cluster chooses the slot by the text in the first braces, which is the name of the locker. So one script may access
 * all Redis keys of a locker's key, and lockers are distributed over the slots.
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

    /** Returns the pattern of all names, in the form of an ACL rule. */
    String pattern() {
        return prefix + "*";
    }

    /** Returns a key that never exists, for checks that writing is possible. */
    String check() {
        return prefix + "check";
    }

    /** Returns the common prefix of the channels that notify processes of turns. The id of the process follows it. */
    String channels() {
        return prefix + "turn:";
    }

    /** Returns the key of a locker's last fencing token, the only key that never expires. */
    String token(String lock) {
        return locker(lock) + "token";
    }

    /**
     * Returns the four Redis keys of a locker's key: leases by the time at which they end, tokens and owners of these leases,
     * waiters by the time of their arrival, and states of these waiters.
     */
    List<String> keys(String lock, String key) {
        String locker = locker(lock);
        return List.of(
                locker + "holders:" + key,
                locker + "owners:" + key,
                locker + "queue:" + key,
                locker + "waiters:" + key);
    }

    /** Returns the key of the number of the last claim that a requester has released for a key. */
    String gone(String lock, String requester, String key) {
        return locker(lock) + "gone:" + requester + ":" + key;
    }

    private String locker(String lock) {
        return prefix + "{" + lock.replace("%", "%25").replace("{", "%7B").replace("}", "%7D") + "}:";
    }
}
