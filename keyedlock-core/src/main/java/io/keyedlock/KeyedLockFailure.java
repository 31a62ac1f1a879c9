// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * The common interface of all exceptions of this library, which extend different JDK types.
 *
 * <pre>{@code
 * catch (RuntimeException e) {
 *   if (e instanceof KeyedLockFailure failure) {
 *     audit(failure.lockName());
 *   }
 *   throw e;
 * }
 * }</pre>
 *
 * @since 0.1.0
 */
public interface KeyedLockFailure {

    /**
     * Returns the name of the locker.
     *
     * @return the name
     */
    String lockName();

    /**
     * Returns the requested key.
     *
     * @return the key, or null if the failure concerns no key or the exception was deserialized
     */
    @Nullable
    Object key();
}
