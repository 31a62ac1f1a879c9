// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * Thrown to one thread of a cycle of threads that wait for each other's keys. The message describes the cycle: which thread
 * waits for which key of which locker, and which thread holds it.
 *
 * @see KeyedLockerSettings#deadlockDetection()
 * @since 0.1.0
 */
public final class LockDeadlockException extends IllegalStateException implements KeyedLockFailure {

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
    public LockDeadlockException(String lockName, @Nullable Object key, String message) {
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
