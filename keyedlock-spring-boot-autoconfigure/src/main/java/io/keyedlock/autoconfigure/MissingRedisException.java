// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

/** A locker shall be on Redis, and there is no client for it. */
final class MissingRedisException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    MissingRedisException(String lockName) {
        super("The locker '" + lockName + "' shall have its permits from Redis, but there is no RedissonClient bean.");
    }
}
