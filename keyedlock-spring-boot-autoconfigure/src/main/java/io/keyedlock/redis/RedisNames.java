// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import java.util.List;

/**
 * What a locker's things are called in Redis.
 *
 * <p>All begin with {@code keyedlock:{name}:}. Redis Cluster chooses the slot by what stands in the first braces, so that
 * everything of one locker is in one slot and one script may touch a key's queue and the locker's counter in one step;
 * lockers of different names spread over the slots. Braces in the name itself are written otherwise.
 */
final class RedisNames {

    private final String prefix;

    RedisNames(String lockName) {
        this.prefix =
                "keyedlock:{" + lockName.replace("%", "%25").replace("{", "%7B").replace("}", "%7D") + "}:";
    }

    /** The one thing that stays: the counter of tokens. */
    String token() {
        return prefix + "token";
    }

    /** All leases of the locker, with the limit of whoever has them, by the time at which they end. */
    String held() {
        return prefix + "held";
    }

    /** Where those who wait are told that it is their turn. */
    String channel() {
        return prefix + "turn";
    }

    /** Of one key: the leases by the time at which they end, those who wait in their order, and until when they are believed to. */
    List<String> of(String keyName) {
        return List.of(prefix + "holders:" + keyName, prefix + "queue:" + keyName, prefix + "alive:" + keyName);
    }
}
