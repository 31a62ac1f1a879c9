// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.uses;

/**
 * One figure of a run, which the same use has in each of its ways. Less is better, or it is just to be seen.
 *
 * @param label what it is
 * @param value how much
 * @param unit of what; empty for a count
 */
public record Figure(String label, double value, String unit) {

    /**
     * A count.
     *
     * @param label of what
     * @param value how many
     * @return the figure
     */
    public static Figure count(String label, long value) {
        return new Figure(label, value, "");
    }

    /**
     * A time.
     *
     * @param label of what
     * @param value how many milliseconds
     * @return the figure
     */
    public static Figure millis(String label, double value) {
        return new Figure(label, value, "ms");
    }
}
