// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.List;
import java.util.Optional;

/** Words, and names with values: {@code quick --forks=3}. */
public record Arguments(List<String> all) {

    public Arguments(String[] args) {
        this(List.of(args));
    }

    public boolean has(String word) {
        return all.contains(word) || all.contains("--" + word);
    }

    public Optional<String> value(String name) {
        return all.stream()
                .map(a -> a.startsWith("--") ? a.substring(2) : a)
                .filter(a -> a.startsWith(name + "="))
                .map(a -> a.substring(name.length() + 1))
                .findFirst();
    }

    /** A value that is a list. */
    public Optional<List<String>> values(String name) {
        return value(name).map(text -> List.of(text.split(",", -1)));
    }
}
