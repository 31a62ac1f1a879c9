// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;
import org.springframework.http.ProblemDetail;

/** The HTTP responses of rejected callers. */
class LockProblemsTests {

    abstract static class Answers extends HttpTests {

        @ParameterizedTest
        @CsvSource({"1, 1", "0, 1", "1000, 1", "1001, 2", "2500, 3", "3600000, 3600"})
        void aTimeoutIs429WithSecondsRoundedUp(String millis, String seconds) {
            HttpResponse<String> response = get("/timeout?wait=" + millis);
            assertThat(response.statusCode()).isEqualTo(429);
            assertThat(response.headers().firstValue("Retry-After")).hasValue(seconds);
            assertThat(response.headers().firstValue("Content-Type")).hasValue("application/problem+json");
            assertThat(response.body())
                    .contains("\"type\":\"urn:keyedlock:problem:timeout\"")
                    .contains("\"status\":429")
                    .contains("\"lock\":\"orders\"")
                    .contains("No permit of 'orders' became available in time. Try again later.");
        }

        @Test
        void theNameOfAMethodIsNotShown() {
            HttpResponse<String> response = get("/own");
            assertThat(response.statusCode()).isEqualTo(429);
            assertThat(response.body())
                    .contains("All permits are in use. Try again later.")
                    .doesNotContain("own(", "Turnstile", "\"lock\"");
        }

        @Test
        void aRejectionIs429OfAnotherType() {
            HttpResponse<String> response = get("/rejected");
            assertThat(response.statusCode()).isEqualTo(429);
            assertThat(response.headers().firstValue("Retry-After")).hasValue("1");
            assertThat(response.body())
                    .contains("\"type\":\"urn:keyedlock:problem:rejected\"")
                    .contains("All permits of 'orders' are in use. Try again later.");
        }

        @Test
        void anAsynchronousFailureHasTheSameResponse() {
            HttpResponse<String> response = get("/rejected-later");
            assertThat(response.statusCode()).isEqualTo(429);
            assertThat(response.body()).contains("\"type\":\"urn:keyedlock:problem:rejected\"");
        }

        @ParameterizedTest
        @ValueSource(strings = {"nameless", "endless", "half", "huge"})
        void anUnusualKeyHasTheSameResponse(String kind) {
            HttpResponse<String> response = get("/odd-keys?key=" + kind);
            assertThat(response.statusCode()).isEqualTo(429);
            assertThat(response.body())
                    .contains("\"type\":\"urn:keyedlock:problem:rejected\"")
                    .hasSizeLessThan(2_000)
                    .doesNotContain("Exception", "Error", "io.keyedlock");
        }

        @Test
        void aClosedLockerIs503() {
            HttpResponse<String> response = get("/closed");
            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(response.body()).contains("\"type\":\"urn:keyedlock:problem:closed\"");
        }

        @Test
        void handlersOfTheApplicationTakePrecedence() {
            assertThat(get("/handled").body()).isEqualTo("handled by the controller");
            assertThat(get("/handled-elsewhere").body()).isEqualTo("handled by an advice");
        }

        @Test
        void anExceptionThatWrapsOursIsLeftToTheApplication() {
            assertThat(get("/translated").statusCode()).isEqualTo(409);
        }

        @Test
        void noStackTraceIsSent() {
            for (String path : new String[] {"/timeout?wait=1000", "/rejected", "/closed", "/timeout-for-real"}) {
                assertThat(get(path).body()).doesNotContain("trace", "Exception", "io.keyedlock");
            }
        }
    }

    @Nested
    @SpringBootTest(
            classes = HttpApplication.class,
            webEnvironment = WebEnvironment.RANDOM_PORT,
            properties = {"spring.main.web-application-type=servlet", "keyedlock.locks.orders.limit=1"})
    class Servlet extends Answers {

        @Test
        void noKeyIsShownByDefault() {
            for (String path : new String[] {"/timeout?wait=1000", "/rejected", "/closed", "/timeout-for-real"}) {
                assertThat(get(path).body()).isNotEmpty().doesNotContain("secret", "occupied", "\"key\"");
            }
        }
    }

    @Nested
    @SpringBootTest(
            classes = HttpApplication.class,
            webEnvironment = WebEnvironment.RANDOM_PORT,
            properties = {
                "spring.main.web-application-type=servlet",
                "keyedlock.locks.orders.limit=1",
                "keyedlock.web.show-keys=true"
            })
    class ServletThatTellsKeys extends Answers {

        @Test
        void theKeyIsShownIfConfigured() {
            assertThat(get("/timeout?wait=1000").body()).contains("\"key\":\"secret\"");
        }
    }

    @Nested
    @SpringBootTest(
            classes = HttpApplication.class,
            webEnvironment = WebEnvironment.RANDOM_PORT,
            properties = {
                "spring.main.web-application-type=reactive",
                "keyedlock.locks.orders.limit=1",
                "keyedlock.web.show-keys=true",
                "keyedlock.show-keys=false"
            })
    class Reactive extends Answers {

        @Test
        void noKeyIsShownIfKeysAreRedacted() {
            for (String path : new String[] {"/timeout?wait=1000", "/rejected", "/closed", "/timeout-for-real"}) {
                assertThat(get(path).body()).isNotEmpty().doesNotContain("secret", "occupied");
            }
        }
    }

    @Test
    void noProblemDetailsIfDisabledOrWithoutWeb() {
        WebApplicationContextRunner web = new WebApplicationContextRunner()
                .withConfiguration(
                        AutoConfigurations.of(KeyedLockAutoConfiguration.class, KeyedLockWebAutoConfiguration.class));
        web.run(context -> assertThat(context).hasSingleBean(LockProblems.class));
        web.withPropertyValues("keyedlock.web.problem-details=false")
                .run(context -> assertThat(context).doesNotHaveBean(LockProblems.class));
        new ApplicationContextRunner()
                .withConfiguration(
                        AutoConfigurations.of(KeyedLockAutoConfiguration.class, KeyedLockWebAutoConfiguration.class))
                .withClassLoader(new FilteredClassLoader(ProblemDetail.class))
                .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(LockProblems.class));
    }
}
