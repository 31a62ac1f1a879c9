// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.NoSuchElementException;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Thrown when a locker is asked for by a name that no locker has. The message has the names that exist. */
public final class NoSuchKeyedLockerException extends NoSuchElementException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;
    private final TreeSet<String> names;

    /**
     * Makes the exception.
     *
     * @param lockName the name that was asked for
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

    /** No key is concerned. */
    @Override
    public @Nullable Object key() {
        return null;
    }

    /**
     * The lockers that exist.
     *
     * @return their names
     */
    public Set<String> names() {
        return Set.copyOf(names);
    }
}
