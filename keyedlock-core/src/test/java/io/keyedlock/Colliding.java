// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/** A key without natural order whose hash code equals that of all its instances. */
record Colliding(int id) {

    @Override
    public int hashCode() {
        return 7;
    }
}
