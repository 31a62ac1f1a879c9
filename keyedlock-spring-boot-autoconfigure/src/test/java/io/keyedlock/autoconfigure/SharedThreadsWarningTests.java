// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.ReactiveWebApplicationContextRunner;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class SharedThreadsWarningTests {

    private static final AutoConfigurations CONFIGURATIONS =
            AutoConfigurations.of(KeyedLockAutoConfiguration.class, KeyedLockEndpointAutoConfiguration.class);

    private static final String[] PROPERTIES = {
        "management.endpoints.web.exposure.include=keyedlocks",
        "keyedlock.locks.orders.limit=1",
        "keyedlock.locks.quick.wait-time=5s",
        "keyedlock.locks.bounded.max-waiters=20"
    };

    private final WebApplicationContextRunner contexts =
            new WebApplicationContextRunner().withConfiguration(CONFIGURATIONS).withPropertyValues(PROPERTIES);

    @Test
    void unboundedLongWaitsOnThePortOfTheEndpointAreReported(CapturedOutput output) {
        contexts.run(context -> assertThat(output)
                .contains("Any number of requests may wait for a key of 'orders' for more than 5 s")
                .contains("management.server.port"));
    }

    @Test
    void onlyTheFirstOfManyLockersAreNamed(CapturedOutput output) {
        contexts.withPropertyValues(
                        "keyedlock.locks.a.limit=1",
                        "keyedlock.locks.b.limit=1",
                        "keyedlock.locks.c.limit=1",
                        "keyedlock.locks.d.limit=1",
                        "keyedlock.locks.e.limit=1")
                .run(context -> assertThat(output).contains("'a', 'b', 'c', 'd', 'e' and 1 more for"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "management.server.port=8081",
                "management.server.port=-1",
                "keyedlock.locks.orders.max-waiters=50",
                "keyedlock.locks.orders.wait-time=2s",
                "management.endpoints.web.exposure.include=info"
            })
    void eachSuggestedChangeAvoidsTheWarning(String property, CapturedOutput output) {
        contexts.withPropertyValues(property)
                .run(context -> assertThat(output).doesNotContain("Any number of requests"));
    }

    @Test
    void theSamePortIsNotReported(CapturedOutput output) {
        contexts.withPropertyValues("management.server.port=9000", "server.port=9000")
                .run(context -> assertThat(output).contains("Any number of requests"));
    }

    @Test
    void reactiveServersHaveNoThreadPerRequest(CapturedOutput output) {
        new ReactiveWebApplicationContextRunner()
                .withConfiguration(CONFIGURATIONS)
                .withPropertyValues(PROPERTIES)
                .run(context -> assertThat(output).doesNotContain("Any number of requests"));
    }
}
