// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** Where the advice gets its lockers from. */
public interface KeyedLockerSource {

    /**
     * Finds a locker that an annotation names.
     *
     * @param name the locker's name
     * @return the locker, or empty if there is none of that name
     */
    Optional<KeyedLocker<Object>> find(String name);

    /**
     * The locker of a method or type that names none; made on the first call, the same from then on.
     *
     * @param name the name of the method or type
     * @param limit how many callers each key admits, or empty for the configured default
     * @return the locker
     */
    KeyedLocker<Object> own(String name, OptionalInt limit);

    /**
     * The lockers that an annotation can name.
     *
     * @return their names
     */
    Set<String> names();

    /**
     * The property under which a locker is configured.
     *
     * @param name the locker's name
     * @return the property's name, for instance {@code keyedlock.locks.orders}
     */
    String property(String name);
}
