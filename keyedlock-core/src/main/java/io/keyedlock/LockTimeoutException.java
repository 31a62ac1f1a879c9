// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Thrown when a key did not become free within the time that the caller was ready to wait. */
public final class LockTimeoutException extends RuntimeException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;
    private final transient @Nullable Object key;
    private final Duration waitTime;

    /**
     * Makes the exception.
     *
     * @param lockName the locker's name
     * @param key the key, or null if none is concerned
     * @param waitTime how long the caller was ready to wait
     * @param message what happened
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
     * How long the caller was ready to wait.
     *
     * @return the time that has passed in vain
     */
    public Duration waitTime() {
        return waitTime;
    }
}
