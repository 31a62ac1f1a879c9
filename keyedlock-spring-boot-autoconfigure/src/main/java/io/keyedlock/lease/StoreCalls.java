// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import io.keyedlock.KeyText;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The calls of a store. Each call is answered or fails within its timeout. The outcomes decide whether the store is available.
 *
 * <p>The store becomes unavailable when calls have failed for the timeout of the last failed call and no call has succeeded
 * meanwhile. The first success makes it available again. So a single late answer changes nothing, and each outage is logged
 * once.
 */
final class StoreCalls {

    /** The code at the beginning of a server's error message. It never contains a key. */
    private static final Pattern ERROR_CODE = Pattern.compile("\\b(?!EVAL)[A-Z]{4,}\\b");

    /** The maximum number of characters of a driver's message that are shown. */
    private static final int LONGEST_FOREIGN = 1000;

    private final LeaseTimer timer;
    private final Timeouts timeouts;
    private final String storeName;

    /** When a call last succeeded. Written by the thread that receives the answer. */
    private volatile long succeededAt;

    private volatile boolean available = true;

    /** Whether the store is being closed. Its client may be shut down, so failures are no longer evaluated. */
    private volatile boolean closing;

    /** Whether messages of drivers are shown. They may contain commands with keys. */
    private volatile boolean showKeys = true;

    /** Whether calls have failed and none has succeeded since. Guarded by this. */
    private boolean failing;

    /** When the first of the failed calls was made. Guarded by this. */
    private long failingSince;

    /** The reason of the failures. A timeout only if no other reason is known. Guarded by this. */
    private @Nullable Throwable cause;

    StoreCalls(LeaseTimer timer, String storeName) {
        this.timer = timer;
        this.timeouts = new Timeouts(timer);
        this.storeName = storeName;
        this.succeededAt = timer.nanoTime();
    }

    boolean isAvailable() {
        return available;
    }

    long succeededAt() {
        return succeededAt;
    }

    Timeouts timeouts() {
        return timeouts;
    }

    void hideKeys() {
        showKeys = false;
    }

    void closing() {
        closing = true;
    }

    /** Makes a call. The callback receives exactly one answer or failure. An answer after the timeout is dropped. */
    <T> void call(
            Supplier<CompletionStage<T>> call, long timeoutNanos, BiConsumer<@Nullable T, @Nullable Throwable> answer) {
        long asked = timer.nanoTime();
        CompletableFuture<T> outcome = new CompletableFuture<>();
        Runnable cancelTimer;
        try {
            // Scheduled before the call, because a driver may park in the call.
            cancelTimer = timeouts.schedule(() -> outcome.completeExceptionally(noAnswer(timeoutNanos)), timeoutNanos);
        } catch (RuntimeException | Error e) {
            // No thread can be started.
            answer.accept(null, e);
            return;
        }
        outcome.whenComplete((value, failure) -> {
            cancelTimer.run();
            Throwable reason = failure;
            try {
                if (failure == null) {
                    recordSuccess();
                } else {
                    reason = explain(failure, asked, timeoutNanos);
                }
            } catch (RuntimeException | Error e) {
                Leases.LOG.error("An answer of " + storeName + " could not be processed", e);
            }
            try {
                answer.accept(value, reason);
            } catch (RuntimeException | Error e) {
                Leases.LOG.error("An answer of " + storeName + " could not be processed", e);
            }
        });
        CompletableFuture<T> sent = send(call);
        outcome.whenComplete((value, failure) -> {
            if (!sent.isDone()) {
                sent.cancel(true);
            }
        });
        sent.whenComplete((value, failure) -> {
            if (failure == null) {
                outcome.complete(value);
            } else {
                outcome.completeExceptionally(failure);
            }
        });
    }

    private static <T> CompletableFuture<T> send(Supplier<CompletionStage<T>> call) {
        try {
            return call.get().toCompletableFuture();
        } catch (RuntimeException | Error e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    TimeoutException noAnswer(long timeoutNanos) {
        return new TimeoutException(storeName + " did not answer within "
                + Duration.ofNanos(timeoutNanos).toMillis() + " ms");
    }

    private void recordSuccess() {
        succeededAt = timer.nanoTime();
        if (!available || failing()) {
            boolean back;
            synchronized (this) {
                failing = false;
                cause = null;
                back = !available;
                available = true;
            }
            if (back) {
                Leases.LOG.info(storeName + " can be reached again");
            }
        }
    }

    private synchronized boolean failing() {
        return failing;
    }

    /** Records a failure. Returns the reason to report. */
    private Throwable explain(Throwable failure, long asked, long timeoutNanos) {
        Throwable reason =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        if (closing) {
            return reason;
        }
        boolean isTimeout = reason instanceof TimeoutException;
        boolean isFirst = false;
        synchronized (this) {
            if (!failing || succeededAt - failingSince > 0) {
                isFirst = true;
                failing = true;
                failingSince = asked;
                cause = null;
            }
            if (cause == null || !isTimeout) {
                cause = reason;
            } else if (!(cause instanceof TimeoutException)) {
                reason = new TimeoutException(reason.getMessage() + "; before that: " + describe(cause));
            }
        }
        long failed = timer.nanoTime() - asked;
        if (available) {
            if (failed >= timeoutNanos) {
                assess(timeoutNanos);
            } else if (isFirst) {
                timer.schedule(() -> assess(timeoutNanos), timeoutNanos - failed);
            }
        }
        return reason;
    }

    private void assess(long timeoutNanos) {
        Throwable reason;
        synchronized (this) {
            if (!available || closing || !failing || succeededAt - failingSince > 0) {
                return;
            }
            if (timer.nanoTime() - failingSince < timeoutNanos) {
                return;
            }
            available = false;
            reason = cause;
        }
        Leases.LOG.warn(
                storeName + " cannot be reached: " + describe(reason)
                        + ". Lockers on it grant no permits until it can be reached again.",
                showKeys ? reason : null);
    }

    /**
     * Returns the innermost message of a failure, or its type and error code if messages may contain keys. The messages of
     * our own exceptions contain advice and no keys, so they are preferred.
     */
    String describe(@Nullable Throwable failure) {
        if (failure == null) {
            return "unknown reason";
        }
        Throwable root = failure;
        while (!isOurs(root) && root.getCause() != null && root.getCause() != root) {
            root = root.getCause();
        }
        String message = root.getMessage();
        if (message == null) {
            return root.getClass().getName();
        }
        if (showKeys || root instanceof TimeoutException || isOurs(root)) {
            String text = KeyText.inLine(message, LONGEST_FOREIGN);
            return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
        }
        Matcher code = ERROR_CODE.matcher(message);
        return root.getClass().getName() + (code.find() ? " (" + code.group() + ")" : "");
    }

    private static boolean isOurs(Throwable failure) {
        return (failure.getClass().getPackageName() + ".").startsWith(KeyText.class.getPackageName() + ".");
    }
}
