// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Replaces a failure of foreign code in a log line, with the class name and stack trace of the failure and its causes. If keys
 * are not shown, the messages are omitted, because they may name a key. Otherwise line breaks and other control characters are
 * replaced.
 */
final class ForeignFailure extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** The maximum number of causes, because they may form a circle. */
    private static final int MOST_CAUSES = 16;

    private ForeignFailure(Throwable failure, boolean showMessages, int causes) {
        super(
                showMessages
                        ? text(failure)
                        : failure.getClass().getName() + ", without its message, which may name a key",
                causeOf(failure, showMessages, causes));
        setStackTrace(failure.getStackTrace());
    }

    /** Returns what to log in place of a failure: the failure itself if its messages can be logged unchanged. */
    static Throwable of(Throwable failure, boolean showMessages) {
        return showMessages && isClean(failure, MOST_CAUSES)
                ? failure
                : new ForeignFailure(failure, showMessages, MOST_CAUSES);
    }

    private static boolean isClean(@Nullable Throwable failure, int causes) {
        if (failure == null || causes == 0) {
            return failure == null;
        }
        return text(failure).equals(KeyText.of(failure, Messages.LONGEST_FOREIGN))
                && isClean(failure.getCause(), causes - 1)
                && Stream.of(failure.getSuppressed()).allMatch(suppressed -> isClean(suppressed, causes - 1));
    }

    private static String text(Throwable failure) {
        return KeyText.inLine(failure, Messages.LONGEST_FOREIGN);
    }

    private static @Nullable Throwable causeOf(Throwable failure, boolean showMessages, int causes) {
        Throwable cause = failure.getCause();
        return cause == null || causes == 0 ? null : new ForeignFailure(cause, showMessages, causes - 1);
    }
}
