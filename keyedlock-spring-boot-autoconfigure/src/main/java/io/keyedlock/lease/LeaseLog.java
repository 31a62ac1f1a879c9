// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The log of the leases or of a store. Logs on another thread, so that a slow appender delays neither answers of the store nor
 * heartbeats. No method throws.
 *
 * @since 0.1.0
 * @see LeaseStore
 */
public final class LeaseLog {

    private final Logger log;

    /**
     * Creates a log.
     *
     * @param source the class that gives the logger its name
     */
    public LeaseLog(Class<?> source) {
        this.log = LoggerFactory.getLogger(source);
    }

    /**
     * Logs at level INFO.
     *
     * @param message the message
     */
    public void info(String message) {
        execute(() -> log.info(message));
    }

    /**
     * Logs at level WARN.
     *
     * @param message the message
     * @param failure the failure to log with its stack trace, or null
     */
    public void warn(String message, @Nullable Throwable failure) {
        execute(() -> log.warn(message, failure));
    }

    /**
     * Logs at level ERROR.
     *
     * @param message the message
     * @param failure the failure to log with its stack trace
     */
    public void error(String message, Throwable failure) {
        execute(() -> log.error(message, failure));
    }

    private static void execute(Runnable entry) {
        try {
            CompletableFuture.runAsync(entry);
        } catch (RuntimeException | Error e) {
            // No thread can be started, and there is no further place to report it.
        }
    }
}
