// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import com.jayway.jsonpath.JsonPath;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockRejectedException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import reactor.core.publisher.Mono;

/** The recipe that maps rejections to another status for each locker. */
class RejectionsPerLockerTests {

    abstract static class Answers extends HttpTests {

        @Autowired
        KeyedLockerRegistry lockers;

        @ParameterizedTest
        @CsvSource({
            "documents, 409, At most 1 at once in 'documents'",
            "accounts, 423, At most 2 at once in 'accounts'",
            "exports, 503, At most 1 at once in 'exports'",
            "others, 429, At most 1 at once in 'others'",
        })
        void eachLockerHasItsStatus(String locker, int status, String detail) {
            try (Permit first = lockers.get(locker).acquireAsync("k").join();
                    Permit second = locker.equals("accounts")
                            ? lockers.get(locker).acquireAsync("k").join()
                            : first) {
                assertThat(second.isValid()).isTrue();
                HttpResponse<String> answer = get("/" + locker + "/k");
                assertThat(answer.statusCode()).isEqualTo(status);
                assertThat(JsonPath.<String>read(answer.body(), "$.detail")).isEqualTo(detail);
                assertThat(answer.headers().firstValue(HttpHeaders.RETRY_AFTER)).hasValue("1");
            }
            assertThat(get("/" + locker + "/k").statusCode()).isEqualTo(200);
        }
    }

    @Nested
    @SpringBootTest(
            classes = Application.class,
            webEnvironment = WebEnvironment.RANDOM_PORT,
            properties = {
                "spring.main.web-application-type=servlet",
                "keyedlock.locks.documents.limit=1",
                "keyedlock.locks.accounts.limit=2",
                "keyedlock.locks.exports.limit=1",
                "keyedlock.locks.others.limit=1"
            })
    class Servlet extends Answers {}

    @Nested
    @SpringBootTest(
            classes = Application.class,
            webEnvironment = WebEnvironment.RANDOM_PORT,
            properties = {
                "spring.main.web-application-type=reactive",
                "keyedlock.locks.documents.limit=1",
                "keyedlock.locks.accounts.limit=2",
                "keyedlock.locks.exports.limit=1",
                "keyedlock.locks.others.limit=1"
            })
    class Reactive extends Answers {}

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    @Import({Rejections.class, Pages.class})
    static class Application {}

    /** As in {@code docs/recipes.md}. */
    @RestControllerAdvice
    static class Rejections {

        @ExceptionHandler
        ResponseEntity<ProblemDetail> rejected(LockRejectedException failure) {
            HttpStatus status = switch (failure.lockName()) {
                case "documents" -> HttpStatus.CONFLICT;
                case "accounts" -> HttpStatus.LOCKED;
                case "exports" -> HttpStatus.SERVICE_UNAVAILABLE;
                default -> HttpStatus.TOO_MANY_REQUESTS;
            };
            String detail = "At most " + failure.limit() + " at once in '" + failure.lockName() + "'";
            return ResponseEntity.status(status)
                    .header(HttpHeaders.RETRY_AFTER, String.valueOf(1 + failure.waiters()))
                    .body(ProblemDetail.forStatusAndDetail(status, detail));
        }
    }

    @RestController
    static class Pages {

        @GetMapping("/documents/{key}")
        @KeyedLock(name = "documents", key = "#key", policy = KeyedLock.Policy.REJECT)
        public String documents(@PathVariable("key") String key) {
            return key;
        }

        @GetMapping("/accounts/{key}")
        @KeyedLock(name = "accounts", key = "#key", policy = KeyedLock.Policy.REJECT)
        public Mono<String> accounts(@PathVariable("key") String key) {
            return Mono.just(key);
        }

        @GetMapping("/exports/{key}")
        @KeyedLock(name = "exports", key = "#key", policy = KeyedLock.Policy.REJECT)
        public String exports(@PathVariable("key") String key) {
            return key;
        }

        @GetMapping("/others/{key}")
        @KeyedLock(name = "others", key = "#key", policy = KeyedLock.Policy.REJECT)
        public String others(@PathVariable("key") String key) {
            return key;
        }
    }
}
