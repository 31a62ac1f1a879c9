// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.Optional;
import java.util.Set;

/**
 * The lockers of an application by name.
 *
 * <pre>{@code
 * KeyedLocker<String> orders = registry.get("orders");
 * }</pre>
 *
 * <p>The key type is the caller's claim; it is not checked, as a locker takes keys of any type.
 */
public interface KeyedLockerRegistry {

    /**
     * Finds a locker that must exist.
     *
     * @param name the locker's name
     * @param <K> the type of its keys
     * @return the locker
     * @throws NoSuchKeyedLockerException if there is none of that name; the message has the names that exist
     */
    <K> KeyedLocker<K> get(String name);

    /**
     * Finds a locker that may exist.
     *
     * @param name the locker's name
     * @param <K> the type of its keys
     * @return the locker, or empty if there is none of that name
     */
    <K> Optional<KeyedLocker<K>> find(String name);

    /**
     * The names of all lockers.
     *
     * @return the names at this moment, sorted; an immutable copy
     */
    Set<String> names();
}
