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
 * <p>The key type is chosen by the caller and not checked, because a locker accepts keys of any type.
 *
 * @see KeyedLocker
 * @since 0.1.0
 */
public interface KeyedLockerRegistry {

    /**
     * Returns the locker of a name.
     *
     * @param name the locker's name
     * @param <K> the type of its keys
     * @return the locker
     * @throws NoSuchKeyedLockerException if there is none of that name; the message lists the names that exist
     */
    <K> KeyedLocker<K> get(String name);

    /**
     * Finds the locker of a name.
     *
     * @param name the locker's name
     * @param <K> the type of its keys
     * @return the locker, or empty if there is none of that name
     */
    <K> Optional<KeyedLocker<K>> find(String name);

    /**
     * Returns the names of all lockers.
     *
     * @return an immutable copy of the names at this moment, sorted
     */
    Set<String> names();
}
