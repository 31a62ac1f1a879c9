// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.jdbc.JdbcSchemaException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Describes how the table of a locker on a database is created. */
final class JdbcSchemaFailureAnalyzer extends AbstractFailureAnalyzer<JdbcSchemaException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, JdbcSchemaException cause) {
        return new FailureAnalysis(
                cause.getMessage(),
                "Copy the script into the migrations of Flyway or Liquibase, which run before it is needed, or set"
                        + " keyedlock.jdbc.initialize-schema=always if the application may create tables.",
                cause);
    }
}
