// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Array;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A copy of an array as a key, compared by content, that of arrays within it included. */
final class ArrayKey {

    private final Object[] boxed;
    private final int hash;

    ArrayKey(Object array) {
        this.boxed = new Object[] {copy(array)};
        this.hash = Arrays.deepHashCode(boxed);
    }

    private static Object copy(Object array) {
        int length = Array.getLength(array);
        Object copy = Array.newInstance(array.getClass().getComponentType(), length);
        System.arraycopy(array, 0, copy, 0, length);
        if (copy instanceof Object[] elements) {
            for (int i = 0; i < length; i++) {
                Object element = elements[i];
                if (element != null && element.getClass().isArray()) {
                    elements[i] = copy(element);
                }
            }
        }
        return copy;
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof ArrayKey key && hash == key.hash && Arrays.deepEquals(boxed, key.boxed);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    @Override
    public String toString() {
        String text = Arrays.deepToString(boxed);
        return text.substring(1, text.length() - 1);
    }
}
