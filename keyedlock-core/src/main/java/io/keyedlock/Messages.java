// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The words of exceptions and log lines. No key is named unless the settings allow it. */
final class Messages {

    /** How much a message quotes of the message of a foreign failure. */
    static final int LONGEST_FOREIGN = 1_000;

    private Messages() {}

    /**
     * Logs what cannot be reported to any caller. Never throws: a logger is foreign code, and a failure to log changes nothing
     * else. The logger is looked up only now, so that no locker waits for the logging system when it is created.
     *
     * @param settings whether keys may be shown: the failure may be foreign, with the key in its message
     */
    static void warn(KeyedLockerSettings settings, String words, @Nullable Throwable failure) {
        try {
            System.getLogger(KeyedLocker.class.getName())
                    .log(
                            System.Logger.Level.WARNING,
                            words,
                            failure == null ? null : ForeignFailure.of(failure, settings.showKeys()));
        } catch (Throwable e) {
            // There is no further place to report it.
        }
    }

    /** Logs that a listener has thrown. Never throws, whatever the stack and the heap have left. */
    static void listenerFailed(KeyedLockerSettings settings, String event, Throwable failure) {
        try {
            warn(settings, "A listener failed in " + event + "; this changes nothing else", failure);
        } catch (Throwable e) {
            // There is no further place to report it.
        }
    }

    static String describe(Entry entry) {
        return describe(entry.stripe.locker.settings(), entry.key);
    }

    /** For instance {@code orders, key 42}. */
    static String describe(KeyedLockerSettings settings, Object key) {
        return settings.showKeys() ? settings.name() + ", key " + KeyText.inLine(key) : settings.name();
    }

    private static String locker(KeyedLockerSettings settings) {
        return "Locker '" + settings.name() + "'";
    }

    private static String key(KeyedLockerSettings settings, Object key) {
        return settings.showKeys() ? "key '" + KeyText.inLine(key) + "'" : "a key";
    }

    /** For instance {@code 1m30s}. */
    private static String words(Duration duration) {
        return duration.toString().substring("PT".length()).toLowerCase(Locale.ROOT);
    }

    static LockTimeoutException timeout(KeyedLockerSettings settings, Object key, Duration waitTime) {
        return new LockTimeoutException(
                settings.name(),
                key,
                waitTime,
                locker(settings) + " did not get a permit for " + key(settings, key) + " within " + words(waitTime));
    }

    static LockRejectedException full(KeyedLockerSettings settings, Object key) {
        return new LockRejectedException(
                settings.name(),
                key,
                locker(settings) + " has no permit available for " + key(settings, key) + ", and maxWaiters = "
                        + settings.maxWaiters() + " admits no further waiter");
    }

    static LockRejectedException taken(KeyedLockerSettings settings, Object key) {
        return new LockRejectedException(
                settings.name(), key, locker(settings) + " has no permit available for " + key(settings, key));
    }

    static LockReentryException reentry(KeyedLockerSettings settings, Object key) {
        return new LockReentryException(
                settings.name(),
                key,
                "this thread holds the key already and the locker is not reentrant: " + describe(settings, key));
    }

    static LockBackendException backend(
            KeyedLockerBackend backend, KeyedLockerSettings settings, Object key, @Nullable Throwable cause) {
        // What a client of a server says about a failed command tends to have the whole command in it, key and all.
        Throwable told = cause == null || settings.showKeys() ? cause : ForeignFailure.of(cause, false);
        String why = told == null
                ? "no answer within the time to wait"
                : told.getMessage() == null
                        ? told.getClass().getName()
                        : KeyText.inLine(told.getMessage(), LONGEST_FOREIGN);
        return new LockBackendException(
                settings.name(),
                key,
                "no permit from " + backend.name() + ": " + why + ": " + describe(settings, key),
                told);
    }

    static LockLeaseLostException leaseLost(Entry entry) {
        DefaultKeyedLocker<?> locker = entry.stripe.locker;
        return new LockLeaseLostException(
                locker.name(),
                entry.key,
                "The lease was lost while the key was held, and another process may have held it too: "
                        + describe(entry));
    }

    static KeyedLockerClosedException closed(KeyedLockerSettings settings, Object key) {
        return new KeyedLockerClosedException(settings.name(), key, "the locker is closed: " + describe(settings, key));
    }

    static KeyedLockerClosedException draining(KeyedLockerSettings settings, Object key) {
        return new KeyedLockerClosedException(
                settings.name(), key, "the locker takes no new callers: " + describe(settings, key));
    }
}
