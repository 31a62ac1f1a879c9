// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyText;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.lease.LeaseSettings;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.convert.DurationStyle;

/** The settings of each locker. Its own properties override {@code keyedlock.defaults}, which override the built-in values. */
final class LockerSettings {

    static final String DEFAULTS = "keyedlock.defaults";
    private static final String LOCKS = "keyedlock.locks";
    private static final Pattern PLAIN_NAME = Pattern.compile("[A-Za-z0-9_-]+");

    private static final List<String> RESERVED_PREFIXES = List.of(BeanFactory.FACTORY_BEAN_PREFIX, "scopedTarget.");

    private final KeyedLockerSettings defaults;
    private final BackendChoice defaultBackend;
    private final Map<String, BackendChoice> backends = new TreeMap<>();
    private final Map<String, Integer> defaultLimits;
    private final Map<String, Map<String, Integer>> limits = new TreeMap<>();
    private final SortedMap<String, KeyedLockerSettings> configured = new TreeMap<>();

    /**
     * Reads and validates all properties of lockers.
     *
     * @throws InvalidConfigurationPropertyValueException if a value is out of range
     */
    LockerSettings(KeyedLockProperties properties) {
        notNegative("keyedlock.shutdown.await-idle", properties.shutdown().awaitIdle());
        Duration longHold = properties.longHold().threshold();
        notNegative("keyedlock.long-hold.threshold", longHold);
        KeyedLockerSettings builtIn = KeyedLockerSettings.defaults()
                .withWaitTime(Duration.ofSeconds(30))
                .withLongHold(longHold)
                .withDeadlockDetection(properties.deadlockDetection())
                .withShowKeys(properties.showKeys());
        defaults = overlay(builtIn, properties.defaults(), DEFAULTS);
        defaultLimits = overlay(Map.of(), properties.defaults(), DEFAULTS + ".limits");
        BackendChoice local = new BackendChoice(BackendChoice.LOCAL, LeaseSettings.defaults(), false);
        defaultBackend = overlay(local, properties.defaults(), DEFAULTS);
        rejectSimilarNames(properties.locks());
        for (Map.Entry<String, KeyedLockProperties.Locker> entry :
                properties.locks().entrySet()) {
            String name = entry.getKey();
            KeyedLockProperties.Locker locker = entry.getValue();
            checkName(name);
            configured.put(name, overlay(defaults.withName(name), locker, prefixOf(name)));
            backends.put(name, overlay(defaultBackend, locker, prefixOf(name)));
            limits.put(name, overlay(defaultLimits, locker, prefixOf(name) + ".limits"));
        }
    }

    /** Returns the settings of the lockers configured by properties, by name. */
    SortedMap<String, KeyedLockerSettings> configured() {
        return Collections.unmodifiableSortedMap(configured);
    }

    /** Returns the settings of a locker configured by properties. */
    KeyedLockerSettings settings(String name) {
        return Objects.requireNonNull(configured.get(name));
    }

    /** Returns whether a locker that both contexts configure has the same settings in the other one. */
    boolean agreesWith(LockerSettings other, String name) {
        return settings(name).equals(other.settings(name))
                && backend(name).equals(other.backend(name))
                && limits(name).equals(other.limits(name));
    }

    /** Describes the settings that {@link #agreesWith} compares. */
    String describe(String name) {
        return settings(name) + ", " + backend(name) + ", limits " + limits(name);
    }

    /** Returns the kinds of backends beyond this process that lockers have, including those of annotated methods. */
    Set<String> backendKinds() {
        Set<String> kinds = new TreeSet<>(Set.of(defaultBackend.kind()));
        for (BackendChoice backend : backends.values()) {
            kinds.add(backend.kind());
        }
        kinds.remove(BackendChoice.LOCAL);
        return kinds;
    }

    /** Returns the limits of individual keys of a locker, by the text of the key. */
    Map<String, Integer> limits(String name) {
        return limits.getOrDefault(name, defaultLimits);
    }

    /** Returns the backend of a locker, whether or not properties configure it. */
    BackendChoice backend(String name) {
        return backends.getOrDefault(name, defaultBackend);
    }

    /** Returns the backend of lockers that no properties configure. */
    BackendChoice defaultBackend() {
        return defaultBackend;
    }

    /** Returns the settings of a locker that no properties configure. */
    KeyedLockerSettings own(String name, OptionalInt limit) {
        KeyedLockerSettings settings = defaults.withName(name);
        return limit.isPresent() ? settings.withLimit(limit.getAsInt()) : settings;
    }

    /** Returns the prefix of a locker's properties, as written in a properties file. */
    static String prefixOf(String name) {
        return child(LOCKS, name);
    }

    /** Appends a map key to a property name, in brackets where needed. */
    static String child(String parent, String name) {
        return PLAIN_NAME.matcher(name).matches() ? parent + "." + name : parent + "[" + name + "]";
    }

    /** Rejects names unfit for a bean, for meters, logs or URLs of the endpoint. */
    private static void checkName(String name) {
        if (name.isBlank()) {
            throw invalid(LOCKS, name, "The name of a locker must not be blank. Write keyedlock.locks.NAME.limit: 1.");
        }
        if (name.chars().anyMatch(Character::isISOControl)
                || !KeyText.of(name, name.length()).equals(name)) {
            throw invalid(
                    LOCKS,
                    KeyText.inLine(name),
                    "The name of a locker must not contain control characters"
                            + " or unpaired surrogates. Write letters, digits and dashes.");
        }
        for (String prefix : RESERVED_PREFIXES) {
            if (name.startsWith(prefix)) {
                throw invalid(
                        prefixOf(name),
                        name,
                        "A locker is a bean of its name, and Spring reserves names that begin with '" + prefix
                                + "'. Choose a name without it.");
            }
        }
    }

    private static void rejectSimilarNames(Map<String, ?> locks) {
        Map<String, String> seen = new TreeMap<>();
        for (String name : new TreeMap<>(locks).keySet()) {
            String other = seen.put(name.replace("-", "").toLowerCase(Locale.ROOT), name);
            if (other != null) {
                throw invalid(
                        prefixOf(name),
                        name,
                        "The lockers '" + other + "' and '" + name + "' differ only in case and dashes. Write the name"
                                + " the same way everywhere. An environment variable always stands for the name in lower case"
                                + " without dashes.");
            }
        }
    }

    private static KeyedLockerSettings overlay(
            KeyedLockerSettings base, KeyedLockProperties.Locker locker, String prefix) {
        KeyedLockerSettings settings = base;
        if (locker.limit() != null) {
            if (locker.limit() < 1) {
                throw invalid(prefix + ".limit", locker.limit(), "Write how many callers each key admits, 1 or more.");
            }
            settings = settings.withLimit(locker.limit());
        }
        if (locker.waitTime() != null) {
            settings = settings.withWaitTime(waitTime(prefix + ".wait-time", locker.waitTime()));
        }
        if (locker.fair() != null) {
            settings = settings.withFair(locker.fair());
        }
        if (locker.maxWaiters() != null) {
            settings = settings.withMaxWaiters(maxWaiters(prefix + ".max-waiters", locker.maxWaiters()));
        }
        if (locker.reentrant() != null) {
            settings = settings.withReentrant(locker.reentrant());
        }
        return settings;
    }

    private static Map<String, Integer> overlay(
            Map<String, Integer> base, KeyedLockProperties.Locker locker, String prefix) {
        Map<String, Integer> limits = new TreeMap<>(base);
        for (Map.Entry<String, Integer> entry : locker.limits().entrySet()) {
            String key = entry.getKey();
            Integer limit = entry.getValue();
            if (limit == null || limit < 1) {
                throw invalid(
                        child(prefix, key),
                        String.valueOf(limit),
                        "Write how many callers this key admits, 1 or more, or leave it out to use the locker's limit.");
            }
            limits.put(key, limit);
        }
        return Map.copyOf(limits);
    }

    private static BackendChoice overlay(BackendChoice base, KeyedLockProperties.Locker locker, String prefix) {
        LeaseSettings leases = base.leases();
        return new BackendChoice(
                locker.backend() == null ? base.kind() : kind(prefix + ".backend", locker.backend()),
                new LeaseSettings(
                        inRange(
                                prefix + ".lease-time",
                                locker.leaseTime(),
                                leases.leaseTime(),
                                LeaseSettings.SHORTEST_LEASE),
                        inRange(
                                prefix + ".backend-timeout",
                                locker.backendTimeout(),
                                leases.backendTimeout(),
                                LeaseSettings.SHORTEST_TIMEOUT),
                        inRange(
                                prefix + ".handoff-window",
                                locker.handoffWindow(),
                                leases.handoffWindow(),
                                Duration.ZERO),
                        inRange(prefix + ".max-hold", locker.maxHold(), leases.maxHold(), Duration.ZERO),
                        locker.onLeaseLost() == null
                                ? leases.failOnLeaseLost()
                                : locker.onLeaseLost() == KeyedLockProperties.OnLeaseLost.FAIL,
                        leases.keyEncoder()),
                locker.failFast() == null ? base.failFast() : locker.failFast());
    }

    private static String kind(String property, String value) {
        for (String kind : List.of(BackendChoice.LOCAL, BackendChoice.REDIS, BackendChoice.JDBC)) {
            if (value.trim().equalsIgnoreCase(kind)) {
                return kind;
            }
        }
        throw invalid(property, value, "There is no such backend. Write 'local', 'redis' or 'jdbc'.");
    }

    private static Duration inRange(String property, @Nullable Duration value, Duration base, Duration min) {
        if (value == null) {
            return base;
        }
        if (value.compareTo(min) < 0 || value.compareTo(LeaseSettings.LONGEST) > 0) {
            throw invalid(
                    property,
                    value,
                    "Write a duration of at least " + min.toMillis() + " ms and at most "
                            + LeaseSettings.LONGEST.toDays() + " days.");
        }
        return value;
    }

    private static Duration waitTime(String property, String value) {
        if (value.trim().equalsIgnoreCase("forever")) {
            return KeyedLockerSettings.FOREVER;
        }
        String unitMissing = PropertyCheck.unitMissing(value);
        if (unitMissing != null) {
            throw invalid(property, value, unitMissing);
        }
        Duration waitTime;
        try {
            waitTime = DurationStyle.detectAndParse(value.trim());
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw invalid(property, value, "Write a duration such as '500ms', '30s' or 'PT1M', or 'forever'.");
        }
        notNegative(property, waitTime);
        return waitTime;
    }

    private static int maxWaiters(String property, String value) {
        if (value.trim().equalsIgnoreCase("unbounded")) {
            return KeyedLockerSettings.UNBOUNDED;
        }
        int waiters;
        try {
            waiters = Integer.parseInt(value.trim());
        } catch (NumberFormatException e) {
            waiters = -1;
        }
        if (waiters < 0) {
            throw invalid(property, value, "Write how many callers may wait for one key, 0 or more, or 'unbounded'.");
        }
        return waiters;
    }

    private static void notNegative(String property, Duration value) {
        if (value.isNegative()) {
            throw invalid(property, value, "The duration must not be negative. Write for instance '30s', or '0s'.");
        }
    }

    private static InvalidConfigurationPropertyValueException invalid(String property, Object value, String reason) {
        return new InvalidConfigurationPropertyValueException(property, value, reason);
    }
}
