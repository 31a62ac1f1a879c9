// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Collects findings without duplicates. */
final class Findings {

    private final Set<Finding> found = new LinkedHashSet<>();

    void add(Finding finding) {
        found.add(finding);
    }

    void addAll(List<Finding> findings) {
        found.addAll(findings);
    }

    boolean isEmpty() {
        return found.isEmpty();
    }

    List<Finding> toList() {
        return List.copyOf(found);
    }
}
