// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.util.List;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Event;

/** Runs of test classes within a test. */
final class Runs {

    private Runs() {}

    static EngineExecutionResults run(Class<?> testClass) {
        return EngineTestKit.engine("junit-jupiter")
                .selectors(selectClass(testClass))
                .execute();
    }

    static EngineExecutionResults runConcurrently(Class<?> testClass) {
        return EngineTestKit.engine("junit-jupiter")
                .configurationParameter("junit.jupiter.execution.parallel.enabled", "true")
                .configurationParameter("junit.jupiter.execution.parallel.config.strategy", "fixed")
                .configurationParameter("junit.jupiter.execution.parallel.config.fixed.parallelism", "4")
                .selectors(selectClass(testClass))
                .execute();
    }

    /** What the tests failed with. */
    static List<Throwable> testFailures(EngineExecutionResults results) {
        return failures(results.testEvents().failed().list());
    }

    /** What the classes failed with, beside their tests. */
    static List<Throwable> classFailures(EngineExecutionResults results) {
        return failures(results.containerEvents().failed().list());
    }

    private static List<Throwable> failures(List<Event> failed) {
        return failed.stream()
                .map(event -> event.getRequiredPayload(TestExecutionResult.class)
                        .getThrowable()
                        .orElseThrow())
                .toList();
    }
}
