// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.stress;

/** A key without order; some of them have one hash code. */
record Key(int id) {

    @Override
    public int hashCode() {
        return id % 2;
    }
}
