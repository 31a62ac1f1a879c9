// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.AbstractList;
import java.util.Arrays;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/** A key of several parts: an immutable list that may contain null and equals every list of equal elements. */
final class CompositeKey extends AbstractList<@Nullable Object> implements RandomAccess {

    private final @Nullable Object[] parts;
    private final int hash;

    /** Keeps the array, which must not change afterwards. */
    CompositeKey(@Nullable Object[] parts) {
        this.parts = parts;
        this.hash = Arrays.hashCode(parts);
    }

    @Override
    public @Nullable Object get(int index) {
        return parts[index];
    }

    @Override
    public int size() {
        return parts.length;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof CompositeKey key
                ? hash == key.hash && Arrays.equals(parts, key.parts)
                : super.equals(other);
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
