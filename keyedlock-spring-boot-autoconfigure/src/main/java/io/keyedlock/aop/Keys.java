// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Converts the values of expressions into keys that are compared by value and cannot be changed while they are held.
 */
final class Keys {

    private Keys() {}

    /** Converts a value into one key: a collection or an array into a composite key; any other value stays as it is. */
    static @Nullable Object one(@Nullable Object value) {
        if (value instanceof String || value instanceof Number || value == null || value instanceof CompositeKey) {
            return value;
        }
        if (value instanceof Collection<?> parts) {
            return parts instanceof Set<?> ? setOf(parts) : composite(parts.toArray());
        }
        return value.getClass().isArray() ? composite(elementsOf(value)) : value;
    }

    /** Creates a composite key. Keeps the array and converts its elements in place. */
    static CompositeKey composite(@Nullable Object[] parts) {
        for (int i = 0; i < parts.length; i++) {
            parts[i] = one(parts[i]);
        }
        return new CompositeKey(parts);
    }

    /** Returns the elements of a collection or an array as separate keys, or null if the value is neither. */
    static @Nullable List<@Nullable Object> several(Object value) {
        List<@Nullable Object> keys = new ArrayList<>();
        if (value instanceof Collection<?> elements) {
            for (Object element : elements) {
                keys.add(one(element));
            }
        } else if (value.getClass().isArray()) {
            for (Object element : elementsOf(value)) {
                keys.add(one(element));
            }
        } else {
            return null;
        }
        return keys;
    }

    private static @Nullable Object[] elementsOf(Object array) {
        @Nullable Object[] elements = new Object[Array.getLength(array)];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = Array.get(array, i);
        }
        return elements;
    }

    private static Set<@Nullable Object> setOf(Collection<?> elements) {
        Set<@Nullable Object> copy = new LinkedHashSet<>();
        for (Object element : elements) {
            copy.add(one(element));
        }
        return Collections.unmodifiableSet(copy);
    }
}
