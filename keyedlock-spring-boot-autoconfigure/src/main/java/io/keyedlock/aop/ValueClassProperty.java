// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.springframework.expression.EvaluationContext;
import org.springframework.expression.PropertyAccessor;
import org.springframework.expression.TypedValue;
import org.springframework.util.ReflectionUtils;

/**
 * A property whose type is a Kotlin value class. Its getter has a generated name and returns the unboxed value.
 *
 * @param getter the getter
 * @param box boxes the value
 */
record ValueClassProperty(Method getter, ValueClassBox box) {

    @Nullable
    Object read(Object target) {
        ReflectionUtils.makeAccessible(getter);
        return box.box(ReflectionUtils.invokeMethod(getter, target));
    }

    /** Lets expressions read such properties by name. */
    static final class Accessor implements PropertyAccessor {

        private final Map<Class<?>, Map<String, Optional<ValueClassProperty>>> known = new ConcurrentHashMap<>();

        @Override
        public Class<?> @Nullable [] getSpecificTargetClasses() {
            return null;
        }

        @Override
        public boolean canRead(EvaluationContext context, @Nullable Object target, String name) {
            return target != null && find(target.getClass(), name).isPresent();
        }

        @Override
        public TypedValue read(EvaluationContext context, @Nullable Object target, String name) {
            @Nullable
            Object read = target == null
                    ? null
                    : find(target.getClass(), name).orElseThrow().read(target);
            return new TypedValue(read);
        }

        @Override
        public boolean canWrite(EvaluationContext context, @Nullable Object target, String name) {
            return false;
        }

        @Override
        public void write(EvaluationContext context, @Nullable Object target, String name, @Nullable Object value) {
            throw new UnsupportedOperationException(name);
        }

        private Optional<ValueClassProperty> find(Class<?> type, String name) {
            return known.computeIfAbsent(type, any -> new ConcurrentHashMap<>())
                    .computeIfAbsent(
                            name,
                            any -> KotlinFunctions.canReflect(type)
                                    ? Optional.ofNullable(KotlinFunctions.property(type, name))
                                    : Optional.empty());
        }
    }
}
