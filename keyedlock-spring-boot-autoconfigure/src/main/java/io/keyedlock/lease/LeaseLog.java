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
        if (log.isInfoEnabled()) {
            CompletableFuture.runAsync(() -> log.info(message));
        }
    }

    static void warn(String message, @Nullable Throwable failure) {
        if (log.isWarnEnabled()) {
            CompletableFuture.runAsync(() -> log.warn(message, failure));
        }
    }

    static void error(String message, Throwable failure) {
        if (log.isErrorEnabled()) {
            CompletableFuture.runAsync(() -> log.error(message, failure));
        }
    }
}
