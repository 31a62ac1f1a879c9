// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

/** Thrown when every attempt to store an event conflicted with another transaction. */
public final class TooManyConflictsException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int conflicts;

    TooManyConflictsException(String address, int conflicts, Throwable last) {
        super("An event of " + address + " was given up after " + conflicts + " conflicts; send it again", last);
        this.conflicts = conflicts;
    }

    /**
     * Returns the number of conflicts.
     *
     * @return the count
     */
    public int conflicts() {
        return conflicts;
    }
}
