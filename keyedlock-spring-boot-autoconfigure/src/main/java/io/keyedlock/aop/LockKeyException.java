// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLockFailure;
import org.jspecify.annotations.Nullable;

/**
 * Thrown by a call whose key could not be determined: an expression of the annotation failed, or the key is null.
 * Nothing is held and the method has not run. The message names the method and the expression.
 *
 * @since 0.1.0
 */
public final class LockKeyException extends IllegalArgumentException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;

    /**
     * Creates the exception.
     *
     * @param lockName the locker's name
     * @param message what happened
     * @param cause what the expression threw, or null
     */
    public LockKeyException(String lockName, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.lockName = lockName;
    }

    @Override
    public String lockName() {
        return lockName;
    }

    /** Returns null, as there is no key. */
    @Override
    public @Nullable Object key() {
        return null;
    }
}
