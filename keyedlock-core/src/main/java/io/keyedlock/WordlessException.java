// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/**
 * Stands for a failure of foreign code where keys are not shown: class and stack, for it and its causes, but none of its
 * words, as those may name a key.
 */
final class WordlessException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** Causes may go in circles. */
    private static final int MOST_CAUSES = 16;

    WordlessException(Throwable failure) {
        this(failure, MOST_CAUSES);
    }

    private WordlessException(Throwable failure, int causes) {
        super(failure.getClass().getName() + ", without its message, which may name a key", causeOf(failure, causes));
        setStackTrace(failure.getStackTrace());
    }

    private static @Nullable Throwable causeOf(Throwable failure, int causes) {
        Throwable cause = failure.getCause();
        return cause == null || causes == 0 ? null : new WordlessException(cause, causes - 1);
    }
}
