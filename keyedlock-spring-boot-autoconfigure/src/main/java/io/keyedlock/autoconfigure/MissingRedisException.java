// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

/** The exception for a locker on Redis without connections to use, or with several and none that is primary. */
final class MissingRedisException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    MissingRedisException(String lockName) {
        super("Locker '" + lockName
                + "' is configured with backend 'redis', but there is no ReactiveRedisConnectionFactory bean, or there are"
                + " several and none is primary.");
    }
}
