// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.aop.Finding;
import io.keyedlock.aop.InvalidKeyedLockException;
import java.util.List;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Lists every invalid annotation with its remedy. */
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
                "Change the annotations as the arrows say. To start anyway, set keyedlock.validation=warn; calls"
                        + " of these methods then fail, and methods that no proxy intercepts run without locks.";
        return new FailureAnalysis(description.toString(), action, cause);
    }
}
