// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/** A key whose hash code can change while it is held. */
public final class ChangingKey {

    private int hash = 1;

    /** Changes the hash code, so that no table finds the key. */
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
