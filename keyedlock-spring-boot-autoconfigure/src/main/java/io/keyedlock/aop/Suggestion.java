// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/**
 * Suggests names in place of one that does not exist.
 *
 * @since 0.1.0
 */
public final class Suggestion {

    private Suggestion() {}

    /**
     * Returns the candidate that was probably meant.
     *
     * @param name the name that does not exist
     * @param candidates the names that exist
     * @return the candidate nearest to the name, or empty if none is similar
     */
    public static Optional<String> nearest(String name, Collection<String> candidates) {
        return candidates.stream()
                .filter(candidate -> distance(name, candidate) <= Math.max(1, Math.min(3, candidate.length() / 3)))
                .min(Comparator.<String>comparingInt(candidate -> distance(name, candidate))
                        .thenComparing(Comparator.naturalOrder()));
    }

    /** Lists names for a message, as in "there are 'orders', 'stock'". */
    static String listed(Collection<String> names) {
        return names.isEmpty() ? "are none" : (names.size() == 1 ? "is '" : "are '") + String.join("', '", names) + "'";
    }

    /** Returns how many letters must be inserted, removed, replaced or swapped with their neighbour, ignoring case. */
    private static int distance(String from, String to) {
        String a = from.toLowerCase(Locale.ROOT);
        String b = to.toLowerCase(Locale.ROOT);
        int[][] edits = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    edits[i][j] = i + j;
                    continue;
                }
                int replaced = edits[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                edits[i][j] = Math.min(replaced, 1 + Math.min(edits[i - 1][j], edits[i][j - 1]));
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    edits[i][j] = Math.min(edits[i][j], edits[i - 2][j - 2] + 1);
                }
            }
        }
        return edits[a.length()][b.length()];
    }
}
