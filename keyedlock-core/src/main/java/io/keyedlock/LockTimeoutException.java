// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when no permit of a key became available within the wait time.
 *
 * @see KeyedLockerSettings#waitTime()
 * @since 0.1.0
 */
public final class LockTimeoutException extends RuntimeException implements KeyedLockFailure {

    private static final long serialVersionUID = 1L;

    private final String lockName;
    private final transient @Nullable Object key;
    private final int limit;
    private final int waiters;
    private final @Nullable String method;
    private final Duration waitTime;

    /**
     * Creates the exception.
     *
     * @param lockName the locker's name
     * @param key the key, or null if the failure concerns no key
     * @param limit the limit of the key
     * @param waiters the number of other callers that wait for the key
     * @param method the annotated method that was called, or null
     * @param waitTime the wait time of the caller
     * @param message the message
     */
    public LockTimeoutException(
            String lockName,
            @Nullable Object key,
            int limit,
            int waiters,
            @Nullable String method,
            Duration waitTime,
            String message) {
        super(message);
        this.lockName = lockName;
        this.key = key;
        this.limit = limit;
        this.waiters = waiters;
        this.method = method;
        this.waitTime = waitTime;
    }

    @Override
    public String lockName() {
        return lockName;
    }

    @Override
    public @Nullable Object key() {
        return key;
    }

    /**
     * Returns the wait time of the caller.
     *
     * @return the time for which the caller has waited
     */
    public Duration waitTime() {
        return waitTime;
    }

    /**
     * Returns the limit of the key at the time of the failure.
     *
     * @return the number of callers that the key admitted at once
     */
    public int limit() {
        return limit;
    }

    /**
     * Returns how many other callers waited for the key at the time of the failure.
     *
     * @return the number of waiters; for several keys, of the key that was not available, or 0 if that is unknown
     */
    public int waiters() {
        return waiters;
    }

    /**
     * Returns the annotated method whose call has failed.
     *
     * @return class and method, for instance {@code ReportService.create(String)}, or empty if no annotation was involved
     */
    public Optional<String> method() {
        return Optional.ofNullable(method);
    }
}
