// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/** Keeps the fields of a subclass off the cache line of whatever lies before it in memory. */
class Padding {
    long p1, p2, p3, p4, p5, p6, p7;
}
