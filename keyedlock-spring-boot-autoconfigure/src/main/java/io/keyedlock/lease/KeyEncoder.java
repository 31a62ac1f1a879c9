// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

/**
 * Encodes a key as its name in the store. Equal keys must have the same name in every process and in every version of the
 * application that runs at the same time. Unequal keys must have different names.
 *
 * <pre>{@code
 * KeyEncoder byNumber = key -> key instanceof Order order
 *     ? "order:" + order.number()
 *     : KeyEncoder.standard().encode(key);
 * }</pre>
 *
 * @since 0.1.0
 * @see LeaseSettings#withKeyEncoder(KeyEncoder)
 */
@FunctionalInterface
public interface KeyEncoder {

    /**
     * Returns the name of a key. Called for every acquisition, on the calling thread.
     *
     * @param key the key
     * @return its name
     * @throws IllegalArgumentException if the key has no name. The message says what to use instead, and is shown only where
     *     keys may be shown. Elsewhere only the class and the stack trace of the exception are shown, for any exception
     */
    String encode(Object key);

    /**
     * Returns the encoder for strings, characters, booleans, numbers, UUIDs, dates and times of {@code java.time}, enums, and
     * records and lists of them, to any depth. Values of different types have different names, including numbers: {@code 1}
     * and {@code 1L} are two keys. The name of a record begins with the name of its class, so the class must have the same
     * name in every process.
     *
     * @return the encoder; it rejects every other key with an {@link IllegalArgumentException}
     */
    static KeyEncoder standard() {
        return StandardKeyEncoder.INSTANCE;
    }
}
