// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when a thread asks, blocking, for a key that it holds itself and the locker was made with
 * {@code reentrant = false}. Waiting would never end.
 */
public final class LockReentryException extends IllegalStateException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;
    private final transient @Nullable Object key;

    /**
     * Makes the exception.
     *
     * @param lockName the locker's name
     * @param key the key, or null if none is concerned
     * @param message what happened
     */
    public LockReentryException(String lockName, @Nullable Object key, String message) {
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
