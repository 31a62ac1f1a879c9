// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/** The texts of exceptions and log lines. They name a key only if the settings allow it. */
final class Messages {

    /** The maximum length of a foreign message that is quoted. */
    static final int LONGEST_FOREIGN = 1_000;

    static {
        // The compiler keeps the table behind the switches of this class in another class. This initialises it.
        switch (RejectReason.CLOSED) {
            case CLOSED -> {}
            default -> throw new AssertionError();
        }
    }

    private Messages() {}

    /**
     * Logs a warning that cannot be reported to a caller. Never throws: a logger is foreign code, and a failure to log has no
     * other effect. The logger is looked up here, so that creating a locker does not wait for the logging system.
     *
     * @param settings decide whether keys may be shown, because the message of the failure may contain one
     */
    static void warn(KeyedLockerSettings settings, String message, @Nullable Throwable failure) {
        try {
            System.getLogger(KeyedLocker.class.getName())
                    .log(
                            System.Logger.Level.WARNING,
                            message,
                            failure == null ? null : ForeignFailure.of(failure, settings.showKeys()));
        } catch (Throwable e) {
            // There is no further place to report it.
        }
    }

    /** Logs that a listener has thrown. Never throws, even without room on the stack or the heap. */
    static void listenerFailed(KeyedLockerSettings settings, String event, Throwable failure) {
        try {
            warn(settings, "A listener failed in " + event + ". Nothing else is affected.", failure);
        } catch (Throwable e) {
            // There is no further place to report it.
        }
    }

    static String describe(Entry entry) {
        return describe(entry.stripe.locker.settings, entry.key);
    }

    /** Returns, for instance, {@code orders, key 42}. */
    static String describe(KeyedLockerSettings settings, Object key) {
        return settings.showKeys() ? settings.name() + ", key " + KeyText.inLine(key) : settings.name();
    }

    /** Logs that the limit of a key could not be determined. Never throws. */
    static void keyLimitUnknown(
            KeyedLockerSettings settings, Object key, String event, int limit, @Nullable Throwable failure) {
        try {
            warn(
                    settings,
                    "The function for the limits of " + locker(settings) + " " + event + " for " + key(settings, key)
                            + ". The locker's limit, " + limit
                            + ", applies wherever it fails. Correct the function and call refreshLimits(). Logged once per"
                            + " locker.",
                    failure);
        } catch (Throwable e) {
            // There is no further place to report it.
        }
    }

    private static String locker(KeyedLockerSettings settings) {
        return "Locker '" + settings.name() + "'";
    }

    private static String key(KeyedLockerSettings settings, Object key) {
        return settings.showKeys() ? "key '" + KeyText.inLine(key) + "'" : "a key";
    }

    /** Returns, for instance, {@code 1m30s}. */
    private static String format(Duration duration) {
        return duration.toString().substring("PT".length()).toLowerCase(Locale.ROOT);
    }

    /**
     * Creates the exception for a caller that gets no permit.
     *
     * @param waitTime the wait time that the caller specified, or null for a call that does not wait
     * @param waiter the wait that has ended, or null if the caller was rejected at once
     */
    static RuntimeException failure(
            Engine locker, RejectReason reason, Object key, @Nullable Duration waitTime, @Nullable Waiter waiter) {
        KeyedLockerSettings settings = locker.settings;
        return switch (reason) {
            case UNAVAILABLE -> unavailable(settings, Inspection.contention(locker, key, waiter));
            case TIMED_OUT ->
                timeout(
                        settings,
                        Inspection.contention(locker, key, waiter),
                        waitTime == null ? Duration.ZERO : waitTime);
            case QUEUE_FULL -> queueFull(settings, Inspection.contention(locker, key, waiter));
            case REENTRY -> reentry(settings, key);
            case DRAINING -> draining(settings, key);
            case CLOSED -> closed(settings, key);
            case DEADLOCK ->
                new LockDeadlockException(settings.name(), key, waiter == null ? "" : String.valueOf(waiter.deadlock));
            case BACKEND -> backend(locker, key, waiter == null ? null : waiter.backendFailure);
            case INTERRUPTED, CANCELLED -> new CancellationException(reason.name());
        };
    }

    /** A key that a caller did not get, with its limit and its number of waiters at that moment. */
    record Contention(Object key, int limit, int waiters) {}

    private static LockTimeoutException timeout(KeyedLockerSettings settings, Contention at, Duration waitTime) {
        return new LockTimeoutException(
                settings.name(),
                at.key,
                at.limit,
                at.waiters,
                null,
                waitTime,
                locker(settings) + " did not get a permit for " + key(settings, at.key) + " within "
                        + format(waitTime));
    }

    private static LockRejectedException queueFull(KeyedLockerSettings settings, Contention at) {
        return new LockRejectedException(
                settings.name(),
                at.key,
                at.limit,
                at.waiters,
                null,
                locker(settings) + " has no permit available for " + key(settings, at.key) + ", and maxWaiters = "
                        + settings.maxWaiters() + " admits no further waiter");
    }

    private static LockRejectedException unavailable(KeyedLockerSettings settings, Contention at) {
        return new LockRejectedException(
                settings.name(),
                at.key,
                at.limit,
                at.waiters,
                null,
                locker(settings) + " has no permit available for " + key(settings, at.key));
    }

    private static LockReentryException reentry(KeyedLockerSettings settings, Object key) {
        return new LockReentryException(
                settings.name(),
                key,
                locker(settings) + " is not reentrant, and the current thread already holds " + key(settings, key));
    }

    /** Creates the exception for a failure of the backend; without a cause, the backend did not answer in time. */
    private static LockBackendException backend(Engine locker, Object key, @Nullable Throwable cause) {
        KeyedLockerBackend backend = Objects.requireNonNull(locker.backend, "backend");
        KeyedLockerSettings settings = locker.settings;
        // The message of a failed command often contains the whole command, including the key.
        Throwable shown = cause == null || settings.showKeys() ? cause : ForeignFailure.of(cause, false);
        String reason = shown == null
                ? "no answer within the wait time"
                : shown.getMessage() == null
                        ? shown.getClass().getName()
                        : KeyText.inLine(shown.getMessage(), LONGEST_FOREIGN);
        return new LockBackendException(
                settings.name(),
                key,
                locker(settings) + " did not get a permit for " + key(settings, key) + " from " + backend.name() + ": "
                        + reason,
                shown);
    }

    static LockLeaseLostException leaseLost(Entry entry) {
        KeyedLockerSettings settings = entry.stripe.locker.settings;
        return new LockLeaseLostException(
                settings.name(),
                entry.key,
                locker(settings) + " lost the lease of " + key(settings, entry.key)
                        + " while it was held, and another process may have held the key too");
    }

    private static KeyedLockerClosedException closed(KeyedLockerSettings settings, Object key) {
        return new KeyedLockerClosedException(
                settings.name(), key, locker(settings) + " is closed and grants no permit for " + key(settings, key));
    }

    private static KeyedLockerClosedException draining(KeyedLockerSettings settings, Object key) {
        return new KeyedLockerClosedException(
                settings.name(),
                key,
                locker(settings) + " is draining and accepts no new callers for " + key(settings, key));
    }
}
