// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * Thrown when the lease of a permit was lost while it was held, so that another process may have held the key at the same time.
 * The code under the lock may have run in whole or in part.
 *
 * @see Permit#checkValid()
 * @since 0.1.0
 */
public final class LockLeaseLostException extends IllegalStateException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;
    private final transient @Nullable Object key;

    /**
     * Creates the exception.
     *
     * @param lockName the locker's name
     * @param key the key, or null if unknown
     * @param message the message
     */
    public LockLeaseLostException(String lockName, @Nullable Object key, String message) {
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
