// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/** A key that is held under another hash code than it has. */
public final class ChangingKey {

    private int hash = 1;

    /** From now on no table finds it. */
    public void change() {
        hash = 2;
    }

    @Override
    public int hashCode() {
        return hash;
    }

    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public String toString() {
        return "changing key";
    }
}
