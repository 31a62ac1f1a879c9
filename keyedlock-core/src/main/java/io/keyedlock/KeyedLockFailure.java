// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * What all exceptions of this library tell, whatever JDK type they extend.
 *
 * <pre>{@code
 * catch (RuntimeException e) {
 *   if (e instanceof KeyedLockFailure failure) {
 *     audit(failure.lockName());
 *   }
 *   throw e;
 * }
 * }</pre>
 */
public interface KeyedLockFailure {

    /**
     * The locker that was asked.
     *
     * @return its name
     */
    String lockName();

    /**
     * The key that was asked for.
     *
     * @return the key, or null where the failure concerns no key or the exception was serialized meanwhile
     */
    @Nullable
    Object key();
}
