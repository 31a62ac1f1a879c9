// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.util.ReflectionUtils;

/**
 * Boxes values of a Kotlin value class.
 *
 * @param type the value class
 * @param nullable whether null is the absence of a value rather than a value that wraps null
 * @param method the generated method that boxes
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

    /** Returns the boxed value; the value may be boxed already. */
    @Nullable
    Object box(@Nullable Object value) {
        return type.isInstance(value) || (value == null && nullable)
                ? value
                : ReflectionUtils.invokeMethod(method, null, value);
    }
}
