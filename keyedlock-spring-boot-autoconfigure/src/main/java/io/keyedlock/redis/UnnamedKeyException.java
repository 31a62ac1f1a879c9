// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.redis;

import org.jspecify.annotations.Nullable;

/** A key whose type has no name in Redis. It names the type and nothing of the key, and so may be told where keys are hidden. */
final class UnnamedKeyException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    UnnamedKeyException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
