// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.aop.Finding;
import io.keyedlock.aop.InvalidKeyedLockException;
import java.util.List;
import java.util.stream.Collectors;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Lists every wrong annotation with what to write instead. */
final class InvalidKeyedLockFailureAnalyzer extends AbstractFailureAnalyzer<InvalidKeyedLockException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, InvalidKeyedLockException cause) {
        List<Finding> findings = cause.findings();
        String description = findings.stream()
                .map(finding -> String.format(
                        "    %s%n        %s%n        -> %s", finding.place(), finding.problem(), finding.remedy()))
                .collect(Collectors.joining(
                        String.format("%n%n"), String.format("@KeyedLock is wrong at:%n%n"), String.format("%n")));
        String action =
                "Change the annotations as the arrows say. To start all the same, set keyedlock.validation=warn; calls"
                        + " of these methods then fail, and those that no proxy reaches run without their locks.";
        return new FailureAnalysis(description, action, cause);
    }
}
