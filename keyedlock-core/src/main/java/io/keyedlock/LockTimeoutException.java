// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when no permit of a key became available within the wait time.
 *
 * @see KeyedLockerSettings#waitTime()
 * @since 0.1.0
 */
public final class LockTimeoutException extends RuntimeException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;
    private final transient @Nullable Object key;
    private final Duration waitTime;

    /**
     * Creates the exception.
     *
     * @param lockName the locker's name
     * @param key the key, or null if the failure concerns no key
     * @param waitTime the wait time of the caller
     * @param message the message
     */
    public LockTimeoutException(String lockName, @Nullable Object key, Duration waitTime, String message) {
        super(message);
        this.lockName = lockName;
        this.key = key;
        this.waitTime = waitTime;
    }

    @Override
    public String lockName() {
        return lockName;
    }

    @Override
    public @Nullable Object key() {
        return key;
    }

    /**
     * Returns the wait time of the caller.
     *
     * @return the time for which the caller has waited
     */
    public Duration waitTime() {
        return waitTime;
    }
}
