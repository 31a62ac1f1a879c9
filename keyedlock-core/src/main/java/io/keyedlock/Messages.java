// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The words of exceptions and log lines. No key is named unless the settings allow it. */
final class Messages {

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
                            failure == null || settings.showKeys() ? failure : new WordlessException(failure));
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

    static LockTimeoutException timeout(KeyedLockerSettings settings, Object key, Duration waitTime) {
        return new LockTimeoutException(
                settings.name(), key, waitTime, "no permit within " + waitTime + ": " + describe(settings, key));
    }

    static LockRejectedException full(KeyedLockerSettings settings, Object key) {
        return new LockRejectedException(
                settings.name(),
                key,
                "the queue is full (maxWaiters " + settings.maxWaiters() + "): " + describe(settings, key));
    }

    static LockRejectedException taken(KeyedLockerSettings settings, Object key) {
        return new LockRejectedException(
                settings.name(), key, "no permit is free, and the try does not wait: " + describe(settings, key));
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
        Throwable told = cause == null || settings.showKeys() ? cause : new WordlessException(cause);
        String why = told == null
                ? "no answer within the time to wait"
                : told.getMessage() == null ? told.getClass().getName() : told.getMessage();
        return new LockBackendException(
                settings.name(),
                key,
                "no permit from " + backend.name() + ": " + why + ": " + describe(settings, key),
                told);
    }

    static KeyedLockerClosedException closed(KeyedLockerSettings settings, Object key) {
        return new KeyedLockerClosedException(settings.name(), key, "the locker is closed: " + describe(settings, key));
    }

    static KeyedLockerClosedException draining(KeyedLockerSettings settings, Object key) {
        return new KeyedLockerClosedException(
                settings.name(), key, "the locker takes no new callers: " + describe(settings, key));
    }
}
