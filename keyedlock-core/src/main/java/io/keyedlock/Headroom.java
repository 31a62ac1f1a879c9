// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/**
 * Checks that the stack has room for code that must not be aborted halfway: a section that changes a key, or a wait that must
 * leave the queue again. Without room, the {@link StackOverflowError} is thrown here, before anything has changed. Costs one
 * call per frame.
 */
final class Headroom {

    private Headroom() {}

    /** Checks for the longest path from entering the queue to leaving it and handing off, when interpreted: some kilobytes. */
    static void checkForWait() {
        descend(32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    }

    /** Checks for one section and its hand-off. Needs less than {@link #checkForWait()}. */
    static void checkForSection() {
        descend(12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    }

    /** Checks for the end of a hold that is not handed off. */
    static void checkForRelease() {
        descend(2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    }

    /** Recurses. The parameters only make the frame large. */
    private static long descend(
            int left, long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k, long l) {
        return left == 0 ? a + l : descend(left - 1, b, c, d, e, f, g, h, i, j, k, l, a) + 1;
    }
}
