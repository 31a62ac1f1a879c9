// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import java.util.OptionalInt;

/**
 * The lockers that the advice uses: those that an annotation can name, and the own lockers of methods and types whose
 * annotation names none.
 *
 * @since 0.1.0
 */
public interface AdviceLockerRegistry extends KeyedLockerRegistry {

    /**
     * Returns the own locker of a method or type whose annotation names none. Creates it on the first call.
     *
     * @param name the name of the method or type
     * @param limit the number of callers that each key admits, or empty for the configured default
     * @return the locker
     */
    KeyedLocker<Object> own(String name, OptionalInt limit);

    /**
     * Returns the property under which a locker is configured.
     *
     * @param name the locker's name
     * @return the property's name, for instance {@code keyedlock.locks.orders}
     */
    String property(String name);
}
