// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a locker accepts no more callers, because it was closed or because the application is shutting down.
 *
 * @see KeyedLocker#close()
 * @since 0.1.0
 */
public final class KeyedLockerClosedException extends IllegalStateException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;
    private final transient @Nullable Object key;

    /**
     * Creates the exception.
     *
     * @param lockName the locker's name
     * @param key the key, or null if the failure concerns no key
     * @param message the message
     */
    public KeyedLockerClosedException(String lockName, @Nullable Object key, String message) {
        super(message);
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
