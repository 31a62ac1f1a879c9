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

    /** Adds a finding about a method of a bean's class, wherever its annotation is. */
    void add(AnnotatedMethod annotated, String problem, String remedy) {
        add(new Finding(annotated.type().getName(), Signatures.of(annotated.method()), problem, remedy));
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
