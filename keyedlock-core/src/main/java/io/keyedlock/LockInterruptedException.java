// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * Thrown by an annotated method that does not declare {@link InterruptedException} when its thread is interrupted while it
 * waits for the key. The thread's interrupt flag is set.
 *
 * @see KeyedLocker#acquire(Object)
 * @since 0.1.0
 */
public final class LockInterruptedException extends RuntimeException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;
    private final transient @Nullable Object key;

    /**
     * Creates the exception.
     *
     * @param lockName the locker's name
     * @param key the key, or null if the failure concerns no key
     * @param message the message
     * @param cause the interruption
     */
    public LockInterruptedException(String lockName, @Nullable Object key, String message, InterruptedException cause) {
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
