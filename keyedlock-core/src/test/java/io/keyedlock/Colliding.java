// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/** A key that has the hash code of all others of its kind and no natural order. */
record Colliding(int id) {

    @Override
    public int hashCode() {
        return 7;
    }
}
