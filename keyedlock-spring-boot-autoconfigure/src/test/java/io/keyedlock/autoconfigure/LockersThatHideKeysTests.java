// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.actuate.KeyedLocksEndpoint;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.http.ProblemDetail;

/** A locker bean that hides its keys, in an application that shows those of the others. */
@ExtendWith(OutputCaptureExtension.class)
@SuppressWarnings("try") // the permit is only held
class LockersThatHideKeysTests {

    private static final String MARK = "Xq7private";

    private final WebApplicationContextRunner contexts = new WebApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    KeyedLockAutoConfiguration.class,
                    KeyedLockEndpointAutoConfiguration.class,
                    KeyedLockWebAutoConfiguration.class))
            .withPropertyValues(
                    "keyedlock.locks.orders.limit=1",
                    "keyedlock.web.show-keys=true",
                    "keyedlock.long-hold.threshold=20ms",
                    "management.endpoints.web.exposure.include=keyedlocks")
            .withBean(
                    "patients",
                    KeyedLocker.class,
                    () -> KeyedLocker.create(KeyedLockerSettings.defaults()
                            .withName("patients")
                            .withShowKeys(false)
                            .withLongHold(Duration.ofMillis(20))));

    @Test
    void longHoldsAreLoggedWithoutKeys(CapturedOutput output) {
        contexts.run(context -> {
            KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
            try (Permit hidden = lockers.get("patients").acquire(MARK);
                    Permit shown = lockers.get("orders").acquire("42")) {
                Awaitility.await()
                        .atMost(Duration.ofMinutes(1))
                        .until(() -> output.getAll().contains("a key of 'patients' has been held")
                                && output.getAll().contains("key '42' of 'orders' has been held"));
            }
        });
        assertThat(output.getAll().split("of 'patients' has been held", -1))
                .as("reported once")
                .hasSize(2);
        assertThat(output).doesNotContain(MARK);
    }

    @Test
    void theEndpointShowsNoKeys() {
        contexts.run(context -> {
            KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
            KeyedLocksEndpoint endpoint = context.getBean(KeyedLocksEndpoint.class);
            try (Permit hidden = lockers.get("patients").acquire(MARK);
                    Permit shown = lockers.get("orders").acquire("42")) {
                assertThat(endpoint.lockers().lockers().get("patients").activeKeys())
                        .isEqualTo(1);
                assertThat(endpoint.lockers().toString()).contains("42").doesNotContain(MARK);
                assertThat(endpoint.locker("patients", null)).asString().doesNotContain(MARK);
                assertThat(endpoint.locker("patients", MARK)).isNull();
                assertThat(endpoint.locker("orders", "42")).isNotNull();
            }
        });
    }

    @Test
    void responsesContainNoHiddenKey() {
        contexts.run(context -> {
            LockProblems problems = context.getBean(LockProblems.class);
            KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
            assertThat(rejection(problems, lockers.get("patients"), MARK).getProperties())
                    .doesNotContainKey("key");
            assertThat(rejection(problems, lockers.get("orders"), "42").getProperties())
                    .containsEntry("key", "42");
        });
    }

    private static ProblemDetail rejection(LockProblems problems, KeyedLocker<Object> locker, String key)
            throws Throwable {
        try (Permit held = locker.acquireAsync(key).join()) {
            CompletableFuture<Throwable> failure = CompletableFuture.supplyAsync(
                    () -> catchThrowable(() -> locker.acquire(key, Duration.ofMillis(1))));
            return problems.answer(failure.join()).getBody();
        }
    }
}
