// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyText;
import io.keyedlock.KeyedLockFailure;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/**
 * Tells HTTP clients why they were turned away, and when to come back. Stands last, so that handlers of the application
 * go first.
 */
@RestControllerAdvice
@Order(Ordered.LOWEST_PRECEDENCE)
final class LockProblems {

    /** Of a key, which may have come with the request, so much goes back. */
    private static final int LONGEST_KEY = 1_000;

    private final Supplier<? extends Map<String, KeyedLocker<?>>> lockers;
    private final Predicate<String> named;
    private final boolean showKeys;

    /**
     * Makes the advice.
     *
     * @param lockers the lockers that exist
     * @param named whether a locker's name was given by somebody; that of an annotated method's own locker is the name of a
     *     class and a method, which is nobody's business outside
     * @param showKeys whether to tell keys of lockers that show them
     */
    LockProblems(Supplier<? extends Map<String, KeyedLocker<?>>> lockers, Predicate<String> named, boolean showKeys) {
        this.lockers = lockers;
        this.named = named;
        this.showKeys = showKeys;
    }

    /** The exception as it was thrown is asked for too: one that the application throws because of ours is its own. */
    @ExceptionHandler({LockTimeoutException.class, LockRejectedException.class, KeyedLockerClosedException.class})
    ResponseEntity<ProblemDetail> answer(Throwable thrown) throws Throwable {
        Throwable failure = unwrap(thrown);
        if (failure instanceof LockTimeoutException timeout) {
            return answer(
                    HttpStatus.TOO_MANY_REQUESTS,
                    "timeout",
                    "Lock not available in time",
                    "No permit" + of(timeout) + " became available in time. Try again later.",
                    timeout,
                    timeout.waitTime());
        }
        if (failure instanceof LockRejectedException rejected) {
            return answer(
                    HttpStatus.TOO_MANY_REQUESTS,
                    "rejected",
                    "Lock in use",
                    "All permits" + of(rejected) + " are in use. Try again later.",
                    rejected,
                    Duration.ZERO);
        }
        if (failure instanceof KeyedLockerClosedException closed) {
            return answer(
                    HttpStatus.SERVICE_UNAVAILABLE,
                    "closed",
                    "Shutting down",
                    "No more permits" + of(closed) + " are given. Try elsewhere.",
                    closed,
                    null);
        }
        throw thrown;
    }

    private String of(KeyedLockFailure failure) {
        return named.test(failure.lockName()) ? " of '" + failure.lockName() + "'" : "";
    }

    private ResponseEntity<ProblemDetail> answer(
            HttpStatus status,
            String type,
            String title,
            String detail,
            KeyedLockFailure failure,
            @Nullable Duration retryAfter) {
        ProblemDetail problem = ProblemDetail.forStatusAndDetail(status, detail);
        problem.setType(URI.create("urn:keyedlock:problem:" + type));
        problem.setTitle(title);
        if (named.test(failure.lockName())) {
            problem.setProperty("lock", failure.lockName());
        }
        if (failure.key() != null && showsKeys(failure.lockName())) {
            problem.setProperty("key", KeyText.of(failure.key(), LONGEST_KEY));
        }
        ResponseEntity.BodyBuilder response = ResponseEntity.status(status);
        if (retryAfter != null) {
            response.header(HttpHeaders.RETRY_AFTER, Long.toString(wholeSeconds(retryAfter)));
        }
        return response.body(problem);
    }

    /** A failure knows its locker by name only, so one of that name that hides its keys hides those of all. */
    private boolean showsKeys(String lockName) {
        return showKeys
                && lockers.get().values().stream()
                        .map(KeyedLocker::settings)
                        .allMatch(settings ->
                                settings.showKeys() || !settings.name().equals(lockName));
    }

    private static long wholeSeconds(Duration duration) {
        long seconds = duration.getNano() > 0 ? duration.getSeconds() + 1 : duration.getSeconds();
        return Math.max(1, seconds);
    }

    private static Throwable unwrap(Throwable thrown) {
        Throwable failure = thrown;
        while ((failure instanceof CompletionException || failure instanceof ExecutionException)
                && failure.getCause() != null) {
            failure = failure.getCause();
        }
        return failure;
    }
}
