// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Thrown when annotations are wrong: at startup with everything that was found, later by a call of a method whose own
 * annotation is wrong. That method has not run.
 */
public final class InvalidKeyedLockException extends IllegalStateException {

    private static final long serialVersionUID = 1L;

    private final transient List<Finding> findings;

    /**
     * Makes the exception.
     *
     * @param findings what is wrong; at least one
     */
    public InvalidKeyedLockException(List<Finding> findings) {
        super(describe(sorted(findings)));
        this.findings = sorted(findings);
    }

    /**
     * What is wrong.
     *
     * @return the findings, sorted by class and method; empty if the exception was serialized meanwhile
     */
    public List<Finding> findings() {
        return findings == null ? List.of() : new ArrayList<>(findings);
    }

    private static List<Finding> sorted(List<Finding> findings) {
        return findings.stream().sorted(Comparator.comparing(Finding::place)).toList();
    }

    private static String describe(List<Finding> findings) {
        return findings.stream()
                .map(Finding::toString)
                .collect(Collectors.joining(
                        System.lineSeparator() + "  ",
                        findings.size() == 1
                                ? "@KeyedLock is wrong: "
                                : "@KeyedLock is wrong in " + findings.size() + " places:" + System.lineSeparator()
                                        + "  ",
                        ""));
    }
}
