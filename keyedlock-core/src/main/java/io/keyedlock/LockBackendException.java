// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when the backend of a locker cannot be reached, fails, or does not answer in time. No permit was acquired.
 *
 * @see KeyedLockerBackend
 * @since 0.1.0
 */
public final class LockBackendException extends RuntimeException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;
    private final transient @Nullable Object key;

    /**
     * Creates the exception.
     *
     * @param lockName the locker's name
     * @param key the key, or null if the failure concerns no key
     * @param message the message
     * @param cause the cause, or null if unknown
     */
    public LockBackendException(String lockName, @Nullable Object key, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.lockName = lockName;
        this.key = key;
    }

    @Override
    public String lockName() {
        return lockName;
    }

    @Override
    public @Nullable Object key() {
        return key;
    }
}
