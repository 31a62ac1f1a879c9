// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/** Separates the fields of a subclass from the cache line of the preceding object in memory. */
class Padding {

    /** Fills the gap after the object header, where a field of the subclass would be placed otherwise. */
    int p0;

    long p1, p2, p3, p4, p5, p6, p7;
}
