// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs on a thread where a slow appender delays neither answers of the store nor heartbeats. */
final class LeaseLog {

    private static final Logger log = LoggerFactory.getLogger(Leases.class);

    private LeaseLog() {}

    static void info(String message) {
        execute(() -> log.info(message));
    }

    static void warn(String message, @Nullable Throwable failure) {
        execute(() -> log.warn(message, failure));
    }

    static void error(String message, Throwable failure) {
        execute(() -> log.error(message, failure));
    }

    /** Throws nothing, and calls no logger on this thread. */
    private static void execute(Runnable entry) {
        try {
            CompletableFuture.runAsync(entry);
        } catch (RuntimeException | Error e) {
            // No thread can be started, and there is no further place to report it.
        }
    }
}
