// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Describes the dependency or bean that the backend of a locker needs. */
final class MissingBackendFailureAnalyzer extends AbstractFailureAnalyzer<MissingBackendException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, MissingBackendException cause) {
        return new FailureAnalysis(cause.getMessage(), cause.action(), cause);
    }
}
