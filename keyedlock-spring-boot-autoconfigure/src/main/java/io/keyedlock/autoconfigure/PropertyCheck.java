// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.aop.Suggestion;
import java.lang.reflect.RecordComponent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.bind.DataObjectPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationProperty;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName.Form;
import org.springframework.boot.context.properties.source.ConfigurationPropertySource;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.context.properties.source.IterableConfigurationPropertySource;
import org.springframework.boot.origin.PropertySourceOrigin;
import org.springframework.core.ResolvableType;
import org.springframework.core.env.Environment;
import org.springframework.core.env.SystemEnvironmentPropertySource;

/**
 * Rejects mistakes that the binding of properties accepts: unknown properties under {@code keyedlock}, names of lockers and keys
 * with characters that it drops, and durations without a unit, which would be milliseconds.
 *
 * <p>The known properties are the components of {@link KeyedLockProperties}. An environment variable may write a dash as an
 * underscore, so one component may span several elements of its name. An unknown variable is rejected only if its beginning is
 * known or similar to a known one, because images set their own variables, such as {@code KEYEDLOCK_HOME}. Variables that
 * Kubernetes sets for services are never rejected, because a service may be named {@code keyedlock-web}.
 */
final class PropertyCheck {

    private static final ConfigurationPropertyName PREFIX = ConfigurationPropertyName.of("keyedlock");

    /** The build property for this library's version, which test runners may pass to the tests. */
    private static final ConfigurationPropertyName VERSION = ConfigurationPropertyName.of("keyedlock.version");

    /** The variables that Kubernetes sets for a service whose name begins with {@code keyedlock}, in dotted form. */
    private static final String KUBERNETES_SERVICE =
            ".*\\.(service\\.host|service\\.port(\\..+)?|port(\\[\\d+]\\.(tcp|udp|sctp)(\\.(addr|port|proto))?)?)";

    private static final Pattern BARE_NUMBER = Pattern.compile("[+-]?\\d+");
    private static final Pattern ZERO = Pattern.compile("[+-]?0+");

    /** The characters that the binding drops from a property's name, other than those in brackets. */
    private static final Pattern DROPPED = Pattern.compile("[^A-Za-z0-9._-]|(?<=\\.)-");

    private final Binder binder;
    private final Map<ConfigurationPropertyName, Mistake> mistakes = new LinkedHashMap<>();

    private PropertyCheck(Environment environment) {
        this.binder = Binder.get(environment);
    }

    /**
     * Checks all properties of an environment from sources that can list their names.
     *
     * @throws InvalidConfigurationPropertyValueException if a property does not exist, or a duration has no unit
     */
    static void check(Environment environment) {
        PropertyCheck check = new PropertyCheck(environment);
        for (ConfigurationPropertySource source : ConfigurationPropertySources.get(environment)) {
            if (source instanceof IterableConfigurationPropertySource names) {
                for (ConfigurationPropertyName name : names) {
                    if (PREFIX.isAncestorOf(name) && !name.equals(VERSION)) {
                        check.check(name, source);
                    }
                }
            }
        }
        check.throwFirst();
    }

    private void check(ConfigurationPropertyName name, ConfigurationPropertySource source) {
        ConfigurationProperty property = source.getConfigurationProperty(name);
        if (property != null && !mistakes.containsKey(name)) {
            boolean variable = source.getUnderlyingSource() instanceof SystemEnvironmentPropertySource;
            String problem = droppedCharacters(property);
            if (problem == null) {
                problem = new Reading(name, variable).ofRecord(KeyedLockProperties.class, 1, PREFIX.toString());
            }
            if (problem != null) {
                mistakes.put(name, new Mistake(property.getValue(), problem));
            }
        }
    }

    private static @Nullable String droppedCharacters(ConfigurationProperty property) {
        if (property.getOrigin() instanceof PropertySourceOrigin origin
                && DROPPED.matcher(withoutBracketed(origin.getPropertyName())).find()) {
            return "Spring Boot would drop the special characters of " + origin.getPropertyName()
                    + ". Write the name or the key in brackets, in YAML as \"[a/b]\".";
        }
        return null;
    }

    /** Removes the text in brackets, which may contain brackets itself. */
    private static String withoutBracketed(String name) {
        StringBuilder rest = new StringBuilder();
        int depth = 0;
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            depth += c == '[' ? 1 : 0;
            if (depth == 0) {
                rest.append(c);
            }
            depth -= c == ']' && depth > 0 ? 1 : 0;
        }
        return rest.toString();
    }

    private void throwFirst() {
        if (mistakes.isEmpty()) {
            return;
        }
        Map.Entry<ConfigurationPropertyName, Mistake> first =
                mistakes.entrySet().iterator().next();
        Mistake mistake = first.getValue();
        String others = mistakes.entrySet().stream()
                .skip(1)
                .map(other -> String.format(
                        "%n    %s: %s", other.getKey(), other.getValue().problem()))
                .collect(Collectors.joining("", mistakes.size() == 1 ? "" : String.format("%nAlso invalid:"), ""));
        throw new InvalidConfigurationPropertyValueException(
                first.getKey().toString(), mistake.value(), mistake.problem() + others);
    }

    /** Returns a message if the value is a number other than zero without a unit; else null. */
    static @Nullable String unitMissing(String value) {
        String text = value.trim();
        return BARE_NUMBER.matcher(text).matches() && !ZERO.matcher(text).matches()
                ? "The duration has no unit. Write '" + text + "ms' or '" + text + "s'."
                : null;
    }

    private record Mistake(Object value, String problem) {}

    /** One property name, checked against the types to which it is bound. */
    private final class Reading {

        private final ConfigurationPropertyName name;
        private final boolean variable;

        Reading(ConfigurationPropertyName name, boolean variable) {
            this.name = name;
            this.variable = variable;
        }

        /** Returns the mistake in the elements from an index on, which belong to a record; null if there is none. */
        @Nullable
        String ofRecord(Class<?> type, int index, String parent) {
            int rest = name.getNumberOfElements() - index;
            for (int length = 1; length <= (variable ? rest : Math.min(1, rest)); length++) {
                RecordComponent component = component(type, joined(index, length));
                if (component != null) {
                    return ofType(
                            ResolvableType.forType(component.getGenericType()),
                            index + length,
                            parent + "." + dashed(component));
                }
            }
            return rest == 0 ? null : unknown(type, index, parent);
        }

        private @Nullable String ofType(ResolvableType type, int index, String parent) {
            Class<?> raw = type.toClass();
            boolean atEnd = index == name.getNumberOfElements();
            if (raw.isRecord()) {
                return ofRecord(raw, index, parent);
            }
            if (Map.class.isAssignableFrom(raw)) {
                Class<?> value = type.getGeneric(1).toClass();
                return atEnd || !value.isRecord()
                        ? null
                        : ofRecord(
                                value, index + 1, LockerSettings.child(parent, name.getElement(index, Form.ORIGINAL)));
            }
            if (atEnd || Collection.class.isAssignableFrom(raw)) {
                return raw == Duration.class ? ofDuration() : null;
            }
            if (variable && name.toString().matches(KUBERNETES_SERVICE)) {
                return null;
            }
            return "There is no such property: " + parent + " is a single value. Remove the part after it.";
        }

        private @Nullable String ofDuration() {
            return binder.bind(name, Bindable.of(String.class))
                    .map(PropertyCheck::unitMissing)
                    .orElse(null);
        }

        private @Nullable String unknown(Class<?> type, int index, String parent) {
            List<String> known = Stream.of(type.getRecordComponents())
                    .map(PropertyCheck::dashed)
                    .toList();
            List<String> rest = elements(index, name.getNumberOfElements() - index);
            // A dot may have been written instead of a dash.
            Optional<String> meant =
                    Suggestion.nearest(String.join("-", rest), known).or(() -> Suggestion.nearest(rest.get(0), known));
            if (variable && ((meant.isEmpty() && index == 1) || name.toString().matches(KUBERNETES_SERVICE))) {
                return null;
            }
            if (type == KeyedLockProperties.Locker.class && index + 1 < name.getNumberOfElements()) {
                int last = name.getNumberOfElements() - 1;
                if (component(type, joined(last, 1)) != null) {
                    String locker = String.join(".", elements(2, last - 2));
                    return "There is no such property. Write " + LockerSettings.prefixOf(locker) + "."
                            + name.getElement(last, Form.DASHED) + " if the locker is named '" + locker
                            + "'; in YAML, quote the brackets with the name.";
                }
            }
            return "There is no such property. "
                    + meant.map(near -> "Did you mean '" + parent + "." + near + "'?")
                            .orElse("Properties of " + parent + " are " + String.join(", ", known) + ".");
        }

        private List<String> elements(int index, int length) {
            List<String> elements = new ArrayList<>();
            for (int i = index; i < index + length; i++) {
                elements.add(name.getElement(i, Form.ORIGINAL));
            }
            return elements;
        }

        private String joined(int index, int length) {
            return uniform(String.join("", elements(index, length)));
        }
    }

    private static @Nullable RecordComponent component(Class<?> type, String uniformName) {
        for (RecordComponent component : type.getRecordComponents()) {
            if (uniform(component.getName()).equals(uniformName)) {
                return component;
            }
        }
        return null;
    }

    /** Returns the form in which the binding compares names. */
    private static String uniform(String name) {
        return name.replace("-", "").replace("_", "").toLowerCase(Locale.ROOT);
    }

    private static String dashed(RecordComponent component) {
        return DataObjectPropertyName.toDashedForm(component.getName());
    }
}
