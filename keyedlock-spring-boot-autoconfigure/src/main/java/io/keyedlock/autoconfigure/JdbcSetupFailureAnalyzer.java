// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.jdbc.JdbcSetupException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Describes what to do about a database that cannot store leases as it is set up. */
final class JdbcSetupFailureAnalyzer extends AbstractFailureAnalyzer<JdbcSetupException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, JdbcSetupException cause) {
        String message = String.valueOf(cause.getMessage());
        String problem =
                message.substring(0, message.length() - cause.getAction().length());
        return new FailureAnalysis(problem.strip(), cause.getAction(), cause);
    }
}
