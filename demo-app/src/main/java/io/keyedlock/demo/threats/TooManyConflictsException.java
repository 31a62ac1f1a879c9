// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

/** Thrown when an event was given up because other transactions had always been faster. */
public final class TooManyConflictsException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int conflicts;

    TooManyConflictsException(String address, int conflicts, Throwable last) {
        super("An event of " + address + " was given up after " + conflicts + " conflicts; send it again", last);
        this.conflicts = conflicts;
    }

    /**
     * How often it conflicted.
     *
     * @return the count
     */
    public int conflicts() {
        return conflicts;
    }
}
