// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

/**
 * Gives each key its name beyond this process: equal keys the same name, in every process and every version of the application that
 * runs at the same time, and unequal keys different ones.
 *
 * <pre>{@code
 * KeyEncoder byNumber = key -> key instanceof Order order
 *     ? "order:" + order.number()
 *     : KeyEncoder.standard().encode(key);
 * }</pre>
 */
@FunctionalInterface
public interface KeyEncoder {

    /**
     * The name of a key. Called for every acquisition, on the thread that asks.
     *
     * @param key the key
     * @return its name
     * @throws IllegalArgumentException if the key has none; the message says what to use instead, and is told where keys may
     *     be shown. Where they may not, only the class and the stack of whatever is thrown are told
     */
    String encode(Object key);

    /**
     * The encoder for strings, characters, booleans, numbers, UUIDs, dates and times of {@code java.time}, enums, and records
     * and lists of them, to any depth. What is of another type, or another number in Java, has another name: {@code 1} and
     * {@code 1L} are two keys. A record's name begins with that of its class, which therefore has to be the same everywhere.
     *
     * @return the encoder; it refuses every other key with an {@link IllegalArgumentException}
     */
    static KeyEncoder standard() {
        return StandardKeyEncoder.INSTANCE;
    }
}
