// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.util.ReflectionUtils;

/**
 * Makes an object of a Kotlin value class of what stands for it in class files.
 *
 * @param type the value class
 * @param nullable whether null is no value, and not the value that wraps null
 * @param method the compiler's method that boxes
 */
record ValueClassBox(Class<?> type, boolean nullable, Method method) {

    private static final String BOX = "box-impl";

    static ValueClassBox of(Class<?> type, boolean nullable) {
        Method method = Stream.of(type.getDeclaredMethods())
                .filter(declared -> declared.getName().equals(BOX))
                .findFirst()
                .orElseThrow();
        ReflectionUtils.makeAccessible(method);
        return new ValueClassBox(type, nullable, method);
    }

    /** The object for a value, which may be one already. */
    @Nullable
    Object box(@Nullable Object value) {
        return type.isInstance(value) || (value == null && nullable)
                ? value
                : ReflectionUtils.invokeMethod(method, null, value);
    }
}
