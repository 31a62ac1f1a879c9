// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/**
 * Checks that the stack has room for what must not be broken off halfway: a section that has begun to change a key, or a
 * wait that must leave the queue again. Where there is no room, the {@link StackOverflowError} comes here, before anything
 * has changed. Costs a call per frame.
 */
final class Headroom {

    private Headroom() {}

    /** Checks for the longest way from lining up to leaving the queue and waking others, interpreted: some kilobytes. */
    static void checkForWait() {
        descend(32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    }

    /** Checks for one section and what follows from it: at most what {@link #checkForWait()} asks for. */
    static void checkForSection() {
        descend(12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    }

    /** Checks for the end of a hold that has no consequences for others. */
    static void checkForRelease() {
        descend(4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    }

    /** Has parameters only to have a large frame. */
    private static long descend(
            int left, long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l) {
        return left == 0 ? a + l : descend(left - 1, b, c, d, e, f, g, h, i, j, k, l, a) + 1;
    }
}
