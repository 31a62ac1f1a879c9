// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import org.jspecify.annotations.Nullable;

/** The exception for a key whose type has no name. Contains only the type, so it may be shown where keys are hidden. */
final class UnnamedKeyException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    UnnamedKeyException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
