// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.temporal.Temporal;
import java.time.temporal.TemporalAmount;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.core.KotlinDetector;

/**
 * Encodes keys as {@code type:text}, and keys with parts as {@code type(part,part)}.
 *
 * <p>Four characters have a special meaning. A backslash escapes them in texts, so that no text looks like a border between
 * parts. A lone surrogate is escaped too: UTF-8 cannot encode it, so all lone surrogates would have the same name.
 */
final class StandardKeyEncoder implements KeyEncoder {

    static final StandardKeyEncoder INSTANCE = new StandardKeyEncoder();

    private static final Map<Class<?>, String> SIMPLE = Map.ofEntries(
            Map.entry(String.class, "s"),
            Map.entry(Character.class, "char"),
            Map.entry(Boolean.class, "bool"),
            Map.entry(Byte.class, "byte"),
            Map.entry(Short.class, "short"),
            Map.entry(Integer.class, "int"),
            Map.entry(Long.class, "long"),
            Map.entry(Float.class, "float"),
            Map.entry(Double.class, "double"),
            Map.entry(BigInteger.class, "bigint"),
            Map.entry(BigDecimal.class, "decimal"),
            Map.entry(UUID.class, "uuid"));

    /** The method of a Kotlin value class that returns the wrapped value. */
    private static final String UNBOX = "unbox-impl";

    private static final ClassValue<Method[]> COMPONENTS = new ClassValue<>() {
        @Override
        protected Method[] computeValue(Class<?> type) {
            Stream<Method> accessors = type.isRecord()
                    ? Stream.of(type.getRecordComponents()).map(RecordComponent::getAccessor)
                    : Stream.of(type.getDeclaredMethods())
                            .filter(method -> method.getName().equals(UNBOX));
            return accessors.peek(accessor -> accessor.setAccessible(true)).toArray(Method[]::new);
        }
    };

    private StandardKeyEncoder() {}

    @Override
    public String encode(Object key) {
        StringBuilder name = new StringBuilder();
        append(name, key, key);
        return name.toString();
    }

    private void append(StringBuilder name, @Nullable Object value, Object key) {
        if (value == null) {
            name.append("null");
            return;
        }
        String simple = SIMPLE.get(value.getClass());
        if (simple != null) {
            name.append(simple).append(':');
            appendText(name, value.toString());
        } else if (value instanceof Enum<?> constant) {
            appendText(name, constant.getDeclaringClass().getName());
            name.append(':').append(constant.name());
        } else if (value instanceof Record || KotlinDetector.isInlineClass(value.getClass())) {
            Method[] accessors = accessors(value, key);
            Object[] parts = new Object[accessors.length];
            for (int i = 0; i < parts.length; i++) {
                parts[i] = read(accessors[i], value);
            }
            appendText(name, value.getClass().getName());
            appendParts(name, java.util.Arrays.asList(parts), key);
        } else if (value instanceof List<?> list) {
            name.append("list");
            appendParts(name, list, key);
        } else if (isTime(value)) {
            name.append(value.getClass().getSimpleName()).append(':');
            appendText(name, value.toString());
        } else {
            throw unnamed(value, key, null);
        }
    }

    /** Returns whether a value is a date or time of the JDK. Its text contains everything that its equals compares. */
    private static boolean isTime(Object value) {
        return (value instanceof Temporal || value instanceof TemporalAmount)
                && value.getClass().getPackageName().equals("java.time");
    }

    private void appendParts(StringBuilder name, List<?> parts, Object key) {
        name.append('(');
        String comma = "";
        for (Object part : parts) {
            name.append(comma);
            append(name, part, key);
            comma = ",";
        }
        name.append(')');
    }

    private static void appendText(StringBuilder name, String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\' || c == ',' || c == '(' || c == ')') {
                name.append('\\').append(c);
            } else if (!Character.isSurrogate(c)) {
                name.append(c);
            } else if (Character.isHighSurrogate(c)
                    && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                name.append(c).append(text.charAt(++i));
            } else {
                name.append(String.format("\\u%04x", (int) c));
            }
        }
    }

    private static Method[] accessors(Object value, Object key) {
        try {
            return COMPONENTS.get(value.getClass());
        } catch (RuntimeException e) {
            throw unnamed(value, key, e);
        }
    }

    private static @Nullable Object read(Method accessor, Object value) {
        try {
            return accessor.invoke(value);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IllegalArgumentException("A key of " + value.getClass().getName() + " cannot be read", e);
        } catch (IllegalAccessException e) {
            throw new IllegalArgumentException("A key of " + value.getClass().getName() + " cannot be read", e);
        }
    }

    private static UnnamedKeyException unnamed(Object value, Object key, @Nullable Throwable cause) {
        Class<?> type = value.getClass();
        if (type.isArray()) {
            return new UnnamedKeyException(
                    "A key that is an array or has one in it has no name beyond this process, since arrays with equal"
                            + " elements are not equal. Use a list in place of the array.",
                    null);
        }
        return new UnnamedKeyException(
                "A key " + (value == key ? "" : "with a part ") + "of type "
                        + type.getName()
                        + " has no name beyond this process. Use a String, a number, a UUID, an enum, or a record or list of"
                        + " them as key, or define a KeyEncoder that knows this type.",
                cause);
    }
}
