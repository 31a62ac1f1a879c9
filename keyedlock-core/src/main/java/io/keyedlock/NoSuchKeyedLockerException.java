// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.NoSuchElementException;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when no locker has the requested name. The message lists the names that exist.
 *
 * @see KeyedLockerRegistry#get(String)
 * @since 0.1.0
 */
public final class NoSuchKeyedLockerException extends NoSuchElementException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;
    private final TreeSet<String> names;

    /**
     * Creates the exception.
     *
     * @param lockName the requested name
     * @param names the names that exist
     */
    public NoSuchKeyedLockerException(String lockName, Set<String> names) {
        super("There is no locker named '" + lockName + "'; there "
                + (names.isEmpty() ? "are none" : "are '" + String.join("', '", new TreeSet<>(names)) + "'")
                + ". Write keyedlock.locks" + (lockName.matches("[\\w-]+") ? "." + lockName : "[" + lockName + "]")
                + ".limit: 1 to configure it.");
        this.lockName = lockName;
        this.names = new TreeSet<>(names);
    }

    @Override
    public String lockName() {
        return lockName;
    }

    /** Returns null, because no key is concerned. */
    @Override
    public @Nullable Object key() {
        return null;
    }

    /**
     * Returns the names of the lockers that exist.
     *
     * @return the names
     */
    public Set<String> names() {
        return Set.copyOf(names);
    }
}
