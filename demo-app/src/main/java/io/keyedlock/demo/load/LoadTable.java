// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.load;

import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** The table of results, side by side. */
final class LoadTable {

    private LoadTable() {}

    static void print(List<LoadResult> results, PrintStream out) {
        out.println();
        out.printf(
                "%-33s %10s %10s %10s %8s %13s %9s %9s%n",
                "", "time", "conflicts", "retries", "given up", "lost updates", "p50", "p99");
        for (LoadResult result : results) {
            out.printf(
                    Locale.ROOT,
                    "%-33s %,7d ms %,10d %,10d %8d %13d %6.1f ms %6.1f ms%n",
                    result.isolation() + ", " + name(result.lock()),
                    result.time().toMillis(),
                    result.conflicts(),
                    result.retries(),
                    result.givenUp(),
                    result.lostUpdates(),
                    millis(result.median()),
                    millis(result.p99()));
        }
        out.println();
    }

    static String verdict(List<LoadResult> results) {
        return results.stream().noneMatch(LoadResult::serializable)
                ? "As it must be: no update lost either way, and no conflict under the lock."
                : """
                As it must be: no update lost either way, and under the lock no conflict of events of one address.
                At SERIALIZABLE the database also fails events of different addresses whose rows share a page.""";
    }

    static String name(boolean lock) {
        return lock ? "with the lock" : "without the lock";
    }

    private static double millis(Duration time) {
        return time.toNanos() / 1e6;
    }
}
