// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.aop.Finding;
import io.keyedlock.aop.InvalidKeyedLockException;
import java.util.List;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Lists every wrong annotation with what to write instead. */
final class InvalidKeyedLockFailureAnalyzer extends AbstractFailureAnalyzer<InvalidKeyedLockException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, InvalidKeyedLockException cause) {
        List<Finding> findings = cause.findings();
        StringBuilder description = new StringBuilder("@KeyedLock is wrong in " + findings.size()
                + (findings.size() == 1 ? " place:" : " places:") + System.lineSeparator());
        String className = "";
        for (Finding finding : findings) {
            if (!finding.className().equals(className)) {
                className = finding.className();
                description.append(String.format("%n    %s%n", className));
            }
            description.append(String.format(
                    "%n%s        %s%n        -> %s%n",
                    finding.method().isEmpty() ? "" : String.format("      %s%n", finding.method()),
                    finding.problem(),
                    finding.remedy()));
        }
        String action =
                "Change the annotations as the arrows say. To start all the same, set keyedlock.validation=warn; calls"
                        + " of these methods then fail, and those that no proxy reaches run without their locks.";
        return new FailureAnalysis(description.toString(), action, cause);
    }
}
