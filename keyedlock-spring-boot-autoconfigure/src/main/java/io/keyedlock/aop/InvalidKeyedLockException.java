// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Thrown for invalid annotations: at startup with all findings, later by a call of a method whose own annotation is
 * invalid. That method has not run.
 *
 * @since 0.1.0
 */
public final class InvalidKeyedLockException extends IllegalStateException {

    private static final long serialVersionUID = 1L;

    private final transient List<Finding> findings;

    /**
     * Creates the exception.
     *
     * @param findings the findings; at least one
     */
    public InvalidKeyedLockException(List<Finding> findings) {
        super(describe(sorted(findings)));
        this.findings = sorted(findings);
    }

    /**
     * Returns the findings.
     *
     * @return the findings, sorted by class and method; empty if the exception has been deserialized
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
