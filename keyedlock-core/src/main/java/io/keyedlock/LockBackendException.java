// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when the place where permits come from beyond this process cannot be reached or does not answer in time. The
 * section has not run.
 */
public final class LockBackendException extends RuntimeException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;
    private final transient @Nullable Object key;

    /**
     * Makes the exception.
     *
     * @param lockName the locker's name
     * @param key the key, or null if none is concerned
     * @param message what happened
     * @param cause why, or null if unknown
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
