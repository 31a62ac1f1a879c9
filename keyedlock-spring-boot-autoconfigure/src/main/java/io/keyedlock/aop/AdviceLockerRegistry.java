// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import java.util.OptionalInt;

/** The lockers that the advice uses: those that an annotation can name, and those of methods and types that name none. */
public interface AdviceLockerRegistry extends KeyedLockerRegistry {

    /**
     * Returns the locker of a method or type that names none. Creates it on the first call.
     *
     * @param name the name of the method or type
     * @param limit how many callers each key admits, or empty for the configured default
     * @return the locker
     */
    KeyedLocker<Object> own(String name, OptionalInt limit);

    /**
     * The property under which a locker is configured.
     *
     * @param name the locker's name
     * @return the property's name, for instance {@code keyedlock.locks.orders}
     */
    String property(String name);
}
