// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

/** Thrown for a locker on Redis if there is no connection factory, or if there are several and none is primary. */
final class MissingRedisException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    MissingRedisException(String lockName) {
        super("Locker '" + lockName
                + "' is configured with backend 'redis', but there is no ReactiveRedisConnectionFactory bean, or there are"
                + " several and none is primary.");
    }
}
