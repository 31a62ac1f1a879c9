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
 * Converts exceptions of lockers to problem details for HTTP clients. Has the lowest precedence, so that handlers of the
 * application come first.
 */
@RestControllerAdvice
@Order(Ordered.LOWEST_PRECEDENCE)
final class LockProblems {

    /** The number of characters of a key in a response. The key may come from the request. */
    private static final int MAX_KEY_LENGTH = 1_000;

    private final Supplier<? extends Map<String, KeyedLocker<?>>> lockers;
    private final Predicate<String> named;
    private final boolean showKeys;

    /**
     * Creates the advice.
     *
     * @param lockers supplies the lockers that exist
     * @param named whether a locker's name was chosen by the application; the name of an implicit locker is that of a class and
     *     a method, which must not be disclosed
     * @param showKeys whether to include keys of lockers that show them
     */
    LockProblems(Supplier<? extends Map<String, KeyedLocker<?>>> lockers, Predicate<String> named, boolean showKeys) {
        this.lockers = lockers;
        this.named = named;
        this.showKeys = showKeys;
    }

    /** Unwraps future exceptions only. Rethrows an exception of the application whose cause is one of a locker. */
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
                    "The application is shutting down and grants no more permits" + of(closed)
                            + ". Try another instance.",
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
            problem.setProperty("key", KeyText.of(failure.key(), MAX_KEY_LENGTH));
        }
        ResponseEntity.BodyBuilder response = ResponseEntity.status(status);
        if (retryAfter != null) {
            response.header(HttpHeaders.RETRY_AFTER, Long.toString(wholeSeconds(retryAfter)));
        }
        return response.body(problem);
    }

    /** A failure has only the name of its locker. Its key is hidden if any locker of that name hides its keys. */
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
