// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

/** A locker shall be on Redis, and there is no client for it, or there are several and none is preferred. */
final class MissingRedisException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    MissingRedisException(String lockName) {
        super("The locker '" + lockName
                + "' shall have its permits from Redis. For that there must be one RedissonClient"
                + " bean, or one that is primary.");
    }
}
