// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLockerListener.HoldTiming;
import io.keyedlock.KeyedLockerSettings.DeadlockDetection;
import io.keyedlock.autoconfigure.KeyedLockProperties.Aop;
import io.keyedlock.autoconfigure.KeyedLockProperties.Jdbc;
import io.keyedlock.autoconfigure.KeyedLockProperties.Locker;
import io.keyedlock.autoconfigure.KeyedLockProperties.LongHold;
import io.keyedlock.autoconfigure.KeyedLockProperties.Metrics;
import io.keyedlock.autoconfigure.KeyedLockProperties.OnLeaseLost;
import io.keyedlock.autoconfigure.KeyedLockProperties.Redis;
import io.keyedlock.autoconfigure.KeyedLockProperties.Release;
import io.keyedlock.autoconfigure.KeyedLockProperties.Shutdown;
import io.keyedlock.autoconfigure.KeyedLockProperties.Validation;
import io.keyedlock.autoconfigure.KeyedLockProperties.Web;
import io.keyedlock.jdbc.JdbcStoreSettings.InitializeSchema;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName.Form;
import org.springframework.boot.context.properties.source.ConfigurationPropertySource;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.boot.context.properties.source.ConfigurationPropertyState;
import org.springframework.boot.context.properties.source.IterableConfigurationPropertySource;
import org.springframework.core.Ordered;
import org.springframework.core.env.Environment;

/**
 * Binds {@link KeyedLockProperties} with the same result as Spring Boot. Calls the constructors of the two large records
 * directly, because for a call by reflection the JVM would generate classes, two for each parameter. A small record is bound by
 * Spring Boot, and only if one of its properties is set.
 */
final class PropertiesBinding {

    private static final ConfigurationPropertyName ROOT = ConfigurationPropertyName.of("keyedlock");

    private final Iterable<ConfigurationPropertySource> sources;
    private final Binder binder;

    /** Whether a property of the current locker has been found. */
    private boolean found;

    PropertiesBinding(Environment environment) {
        this.sources = ConfigurationPropertySources.get(environment);
        this.binder = Binder.get(environment);
    }

    /** Binds all properties. */
    KeyedLockProperties bind() {
        if (hasValue(ROOT)) {
            return binder.bindOrCreate(ROOT, Bindable.of(KeyedLockProperties.class), null);
        }
        return new KeyedLockProperties(
                value("enabled", true),
                defaults(ROOT.append("defaults")),
                locks(ROOT.append("locks")),
                group("aop", new Aop(Ordered.LOWEST_PRECEDENCE - 100)),
                value("release", Release.AFTER_TRANSACTION),
                value(ROOT, "executor", String.class),
                value("validation", Validation.FAIL),
                value("deadlock-detection", DeadlockDetection.FAIL),
                group("long-hold", new LongHold(Duration.ofSeconds(30))),
                value("show-keys", true),
                group("metrics", new Metrics(HoldTiming.SAMPLED)),
                value("observations", false),
                group("shutdown", new Shutdown(Duration.ofSeconds(20), false, 1073741311)),
                group("web", new Web(true, false)),
                value(ROOT, "owner", String.class),
                group("redis", new Redis("keyedlock")),
                group(
                        "jdbc",
                        new Jdbc(
                                InitializeSchema.EMBEDDED,
                                null,
                                "KEYEDLOCK_",
                                Duration.ofDays(30),
                                Duration.ofMillis(25),
                                Duration.ofSeconds(1))));
    }

    private Locker defaults(ConfigurationPropertyName name) {
        return hasValue(name) ? binder.bindOrCreate(name, Bindable.of(Locker.class), null) : locker(name);
    }

    /** Binds the lockers by name. The key of the map is the element of the first property name found for a locker. */
    private Map<String, Locker> locks(ConfigurationPropertyName root) {
        Map<String, Locker> locks = new LinkedHashMap<>();
        if (hasValue(root)) {
            return binder.bind(root, Bindable.mapOf(String.class, Locker.class)).orElse(locks);
        }
        for (ConfigurationPropertySource source : sources) {
            if (source instanceof IterableConfigurationPropertySource names) {
                for (ConfigurationPropertyName property : names) {
                    if (root.isAncestorOf(property)) {
                        ConfigurationPropertyName name = property.chop(root.getNumberOfElements() + 1);
                        String key = name.getLastElement(Form.ORIGINAL);
                        Locker locker = locks.containsKey(key) ? null : lockerOfMap(name);
                        if (locker != null) {
                            locks.put(key, locker);
                        }
                    }
                }
            }
        }
        return locks;
    }

    /** Returns null if the names below this one are no properties of a locker. */
    private @Nullable Locker lockerOfMap(ConfigurationPropertyName name) {
        if (hasValue(name)) {
            return binder.bind(name, Bindable.of(Locker.class)).orElse(null);
        }
        found = false;
        Locker locker = locker(name);
        return found ? locker : null;
    }

    private Locker locker(ConfigurationPropertyName name) {
        boolean absent = isAbsent(name);
        return new Locker(
                absent ? null : value(name, "limit", Integer.class),
                absent ? Map.of() : limits(name.append("limits")),
                absent ? null : value(name, "wait-time", String.class),
                absent ? null : value(name, "fair", Boolean.class),
                absent ? null : value(name, "max-waiters", String.class),
                absent ? null : value(name, "reentrant", Boolean.class),
                absent ? null : value(name, "backend", String.class),
                absent ? null : value(name, "lease-time", Duration.class),
                absent ? null : value(name, "backend-timeout", Duration.class),
                absent ? null : value(name, "handoff-window", Duration.class),
                absent ? null : value(name, "max-hold", Duration.class),
                absent ? null : value(name, "on-lease-lost", OnLeaseLost.class),
                absent ? null : value(name, "fail-fast", Boolean.class));
    }

    private Map<String, Integer> limits(ConfigurationPropertyName name) {
        Map<String, Integer> limits =
                binder.bind(name, Bindable.mapOf(String.class, Integer.class)).orElse(null);
        found |= limits != null;
        return limits == null ? Map.of() : limits;
    }

    @SuppressWarnings("unchecked") // the class of the default value
    private <T> T value(String name, T defaultValue) {
        // An empty text is no value of the primitive type, as in the record, and null of the other.
        Class<?> type = defaultValue instanceof Boolean ? boolean.class : defaultValue.getClass();
        T value = value(ROOT, name, (Class<T>) type);
        return value == null ? defaultValue : value;
    }

    private <T> @Nullable T value(ConfigurationPropertyName parent, String name, Class<T> type) {
        T value = binder.bind(parent.append(name), Bindable.of(type)).orElse(null);
        found |= value != null;
        return value;
    }

    @SuppressWarnings("unchecked") // the class of the default value
    private <T> T group(String group, T defaultValue) {
        ConfigurationPropertyName name = ROOT.append(group);
        return isAbsent(name) && !hasValue(name)
                ? defaultValue
                : binder.bindOrCreate(name, Bindable.of((Class<T>) defaultValue.getClass()), null);
    }

    /** Returns whether a source has a value for the name itself, which Spring Boot may convert to the whole record or map. */
    private boolean hasValue(ConfigurationPropertyName name) {
        for (ConfigurationPropertySource source : sources) {
            if (source.getConfigurationProperty(name) != null) {
                return true;
            }
        }
        return false;
    }

    private boolean isAbsent(ConfigurationPropertyName name) {
        for (ConfigurationPropertySource source : sources) {
            if (source.containsDescendantOf(name) != ConfigurationPropertyState.ABSENT) {
                return false;
            }
        }
        return true;
    }
}
