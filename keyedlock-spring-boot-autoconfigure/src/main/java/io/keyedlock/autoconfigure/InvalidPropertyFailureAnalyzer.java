// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.bind.BindException;
import org.springframework.boot.context.properties.source.ConfigurationProperty;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;

/** Describes the expected value of a keyedlock property that cannot be bound. */
@Order(Ordered.HIGHEST_PRECEDENCE)
final class InvalidPropertyFailureAnalyzer extends AbstractFailureAnalyzer<BindException> {

    private static final ConfigurationPropertyName KEYEDLOCK = ConfigurationPropertyName.of("keyedlock");
    private static final ConfigurationPropertyName ENDPOINT =
            ConfigurationPropertyName.of("management.endpoint.keyedlocks");

    @Override
    protected @Nullable FailureAnalysis analyze(Throwable rootFailure, BindException cause) {
        ConfigurationPropertyName name = cause.getName();
        if (!isUnder(KEYEDLOCK, name) && !isUnder(ENDPOINT, name)) {
            return null;
        }
        ConfigurationProperty property = cause.getProperty();
        Class<?> type = cause.getTarget().getType().resolve(Object.class);
        StringBuilder description =
                new StringBuilder("The property ").append(name).append(" cannot be read:\n");
        if (property != null) {
            description.append("\n    Value: \"").append(property.getValue()).append('"');
            if (property.getOrigin() != null) {
                description.append("\n    Origin: ").append(property.getOrigin());
            }
        }
        return new FailureAnalysis(
                description.append("\n    Expected: ").append(expected(type)).toString(), remedy(name, type), cause);
    }

    private static boolean isUnder(ConfigurationPropertyName root, ConfigurationPropertyName name) {
        return root.equals(name) || root.isAncestorOf(name);
    }

    private static String expected(Class<?> type) {
        if (type.isEnum()) {
            return "one of " + constants(type);
        }
        return Map.<Class<?>, String>of(
                        Integer.class, "a whole number",
                        int.class, "a whole number",
                        Boolean.class, "true or false",
                        boolean.class, "true or false",
                        Duration.class, "a duration")
                .getOrDefault(type, "no value, but nested properties");
    }

    private static String remedy(ConfigurationPropertyName name, Class<?> type) {
        if (type.isEnum()) {
            return "Write one of " + constants(type) + ".";
        }
        if (type == Duration.class) {
            return "Write a duration such as 500ms, 30s or PT1M.";
        }
        if (type == boolean.class || type == Boolean.class) {
            return "Write true or false.";
        }
        if (type == int.class || type == Integer.class) {
            return name.getLastElement(ConfigurationPropertyName.Form.UNIFORM).equals("limit")
                    ? "Write how many callers each key admits, as a whole number from 1 to about two billion."
                    : "Write a whole number of at most about two billion, in digits.";
        }
        String example = Map.class.isAssignableFrom(type)
                ? name + ".orders.limit: 3"
                : type == KeyedLockProperties.Locker.class ? name + ".limit: 3" : name + ".locks.orders.limit: 3";
        return type == Map.class || type == KeyedLockProperties.Locker.class || type == KeyedLockProperties.class
                ? "Write the nested properties, for instance " + example + "."
                : "Write the nested properties; docs/configuration.md lists them.";
    }

    private static String constants(Class<?> type) {
        return Arrays.stream(type.getEnumConstants())
                .map(constant ->
                        ((Enum<?>) constant).name().toLowerCase(Locale.ROOT).replace('_', '-'))
                .collect(Collectors.joining(", "));
    }
}
