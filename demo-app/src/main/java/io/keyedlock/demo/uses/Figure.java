// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.uses;

/**
 * One figure of a run, which a use has for each of its ways. Less is better, or it is for information only.
 *
 * @param label the label
 * @param value the value
 * @param unit the unit; empty for a count
 */
public record Figure(String label, double value, String unit) {

    /**
     * Returns a count.
     *
     * @param label the label
     * @param value the count
     * @return the figure
     */
    public static Figure count(String label, long value) {
        return new Figure(label, value, "");
    }

    /**
     * Returns a time.
     *
     * @param label the label
     * @param value the time in milliseconds
     * @return the figure
     */
    public static Figure millis(String label, double value) {
        return new Figure(label, value, "ms");
    }
}
