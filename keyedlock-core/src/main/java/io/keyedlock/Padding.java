// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/** Keeps the fields of a subclass together, and off the cache line of whatever lies before it in memory. */
class Padding {

    /** Fills the gap behind the object's header, into which a field of the subclass would be put otherwise. */
    int p0;

    long p1, p2, p3, p4, p5, p6, p7;
}
