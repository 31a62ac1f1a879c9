// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One figure of a {@link ResultFile}.
 *
 * @param what what was measured
 * @param who the contestant
 * @param unit the unit, or the empty string for a ratio or a count
 * @param value the median, or null if nothing was measured
 * @param least the smallest of the forks or rounds
 * @param most the largest of them
 * @param runs how many forks or rounds there were
 * @param must the limit that this project has set itself
 * @param aim a better value that it would like to reach
 * @param atLeast whether the limits are minimums; null if they are maximums
 */
public record Figure(
        String what,
        String who,
        String unit,
        @Nullable Double value,
        @Nullable Double least,
        @Nullable Double most,
        @Nullable Integer runs,
        @Nullable Double must,
        @Nullable Double aim,
        @Nullable Boolean atLeast) {

    /** Returns a figure without limits. */
    public static Figure of(String what, String who, String unit, Spread spread) {
        int runs = spread.medians().size();
        return runs == 0
                ? new Figure(what, who, unit, null, null, null, null, null, null, null)
                : new Figure(
                        what,
                        who,
                        unit,
                        rounded(spread.median()),
                        rounded(spread.least()),
                        rounded(spread.most()),
                        runs,
                        null,
                        null,
                        null);
    }

    /** Returns a figure that was measured once. */
    public static Figure of(String what, String who, String unit, double value) {
        return new Figure(what, who, unit, rounded(value), null, null, null, null, null, null);
    }

    /** Returns this figure with maximums; NaN stands for none. */
    public Figure atMost(double must, double aim) {
        return new Figure(what, who, unit, value, least, most, runs, limit(must), limit(aim), null);
    }

    /** Returns this figure with a minimum. */
    public Figure atLeast(double must) {
        return new Figure(what, who, unit, value, least, most, runs, must, null, true);
    }

    /** Returns "missed", "met", "aim met" or "not measured"; the empty string if there is nothing to compare with. */
    String verdict() {
        if (must == null) {
            return "";
        }
        if (value == null) {
            return "not measured";
        }
        if (!keeps(value, must)) {
            return "missed";
        }
        return aim != null && keeps(value, aim) ? "aim met" : "met";
    }

    private boolean keeps(double median, double limit) {
        return atLeast == null ? median <= limit : median >= limit;
    }

    /** Returns a limit with its direction. */
    String limitText(@Nullable Double limit) {
        return limit == null ? "" : (atLeast == null ? "≤ " : "≥ ") + number(limit);
    }

    /** Returns the median with its unit. */
    String valueText() {
        return value == null ? "not measured" : "**" + number(value) + "**" + (unit.isEmpty() ? "" : " " + unit);
    }

    /** Returns the range of the forks or rounds. */
    String rangeText() {
        return least == null || most == null ? "" : number(least) + " to " + number(most);
    }

    /** Returns a number with about three digits. */
    public static String number(double value) {
        double size = Math.abs(value);
        String format = size >= 100 ? "%,.0f" : size >= 10 ? "%.1f" : size >= 0.01 || size == 0 ? "%.2f" : "%.5f";
        return String.format(Locale.ROOT, format, value);
    }

    private static @Nullable Double limit(double limit) {
        return Double.isNaN(limit) ? null : limit;
    }

    /** Returns a number with four digits, or null if there is none, as after a division by zero. */
    private static @Nullable Double rounded(double value) {
        return Double.isFinite(value)
                ? (Double) new BigDecimal(value).round(new MathContext(4)).doubleValue()
                : null;
    }
}
