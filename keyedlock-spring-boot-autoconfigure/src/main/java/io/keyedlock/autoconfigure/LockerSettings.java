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
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.convert.DurationStyle;

/** The settings of each locker: what its own properties say, then what the defaults say, then the built-in values. */
final class LockerSettings {

    static final String DEFAULTS = "keyedlock.defaults";
    private static final String LOCKS = "keyedlock.locks";
    private static final Pattern PLAIN_NAME = Pattern.compile("[A-Za-z0-9_-]+");

    private static final List<String> RESERVED_PREFIXES = List.of(BeanFactory.FACTORY_BEAN_PREFIX, "scopedTarget.");

    private final KeyedLockerSettings defaults;
    private final BackendChoice defaultBackend;
    private final Map<String, BackendChoice> backends = new TreeMap<>();
    private final SortedMap<String, KeyedLockerSettings> configured = new TreeMap<>();

    /**
     * Checks all values of the properties that concern lockers.
     *
     * @throws InvalidConfigurationPropertyValueException if one is out of its range
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
        BackendChoice local = new BackendChoice(BackendChoice.LOCAL, LeaseSettings.defaults(), false);
        defaultBackend = overlay(local, properties.defaults(), DEFAULTS);
        refuseLookAlikes(properties.locks());
        properties.locks().forEach((name, locker) -> {
            checkName(name);
            configured.put(name, overlay(defaults.withName(name), locker, prefixOf(name)));
            backends.put(name, overlay(defaultBackend, locker, prefixOf(name)));
        });
    }

    /** The lockers that the properties name. */
    SortedMap<String, KeyedLockerSettings> configured() {
        return Collections.unmodifiableSortedMap(configured);
    }

    /** The settings of a locker that the properties name. */
    KeyedLockerSettings settings(String name) {
        return Objects.requireNonNull(configured.get(name));
    }

    /** Whether a locker that both name is the same in another context. */
    boolean agreesWith(LockerSettings other, String name) {
        return settings(name).equals(other.settings(name)) && backend(name).equals(other.backend(name));
    }

    /** What {@link #agreesWith} compares, as text. */
    String describe(String name) {
        return settings(name) + ", " + backend(name);
    }

    /** Whether any locker, those of annotated methods included, gets its permits from beyond this process. */
    boolean usesBackend() {
        return Stream.concat(Stream.of(defaultBackend), backends.values().stream())
                .anyMatch(choice -> !choice.kind().equals(BackendChoice.LOCAL));
    }

    /** Where the permits of a locker come from, be it named by the properties or not. */
    BackendChoice backend(String name) {
        return backends.getOrDefault(name, defaultBackend);
    }

    /** Where the permits of a locker come from that the properties do not name. */
    BackendChoice defaultBackend() {
        return defaultBackend;
    }

    /** The settings of a locker that the properties do not name. */
    KeyedLockerSettings own(String name, OptionalInt limit) {
        KeyedLockerSettings settings = defaults.withName(name);
        return limit.isPresent() ? settings.withLimit(limit.getAsInt()) : settings;
    }

    /** The property under which the values of a locker stand, as one would write it. */
    static String prefixOf(String name) {
        return child(LOCKS, name);
    }

    /** The property beneath another that has a name of the user's choice. */
    static String child(String parent, String name) {
        return PLAIN_NAME.matcher(name).matches() ? parent + "." + name : parent + "[" + name + "]";
    }

    /** A locker is a bean of its name, which meters, logs and addresses of the endpoint tell. */
    private static void checkName(String name) {
        if (name.isBlank()) {
            throw invalid(LOCKS, name, "The name of a locker must not be blank. Write keyedlock.locks.NAME.limit: 1.");
        }
        if (name.chars().anyMatch(Character::isISOControl)
                || !KeyText.of(name, name.length()).equals(name)) {
            throw invalid(
                    LOCKS,
                    KeyText.inLine(name),
                    "The name of a locker must not have control characters"
                            + " or halves of characters in it. Write letters, digits and dashes.");
        }
        for (String prefix : RESERVED_PREFIXES) {
            if (name.startsWith(prefix)) {
                throw invalid(
                        prefixOf(name),
                        name,
                        "The locker would be a bean of its name, and to Spring a name that begins with '" + prefix
                                + "' means something else. Write a name without it.");
            }
        }
    }

    private static void refuseLookAlikes(Map<String, ?> locks) {
        Map<String, String> seen = new TreeMap<>();
        for (String name : new TreeMap<>(locks).keySet()) {
            String other = seen.put(name.replace("-", "").toLowerCase(Locale.ROOT), name);
            if (other != null) {
                throw invalid(
                        prefixOf(name),
                        name,
                        "The lockers '" + other + "' and '" + name + "' differ only in case and dashes. Write the name"
                                + " in one way everywhere. An environment variable always means the name in lower case"
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

    private static BackendChoice overlay(BackendChoice base, KeyedLockProperties.Locker locker, String prefix) {
        LeaseSettings leases = base.leases();
        return new BackendChoice(
                locker.backend() == null ? base.kind() : kind(prefix + ".backend", locker.backend()),
                new LeaseSettings(
                        within(
                                prefix + ".lease-time",
                                locker.leaseTime(),
                                leases.leaseTime(),
                                LeaseSettings.SHORTEST_LEASE),
                        within(
                                prefix + ".backend-timeout",
                                locker.backendTimeout(),
                                leases.backendTimeout(),
                                LeaseSettings.SHORTEST_TIMEOUT),
                        within(
                                prefix + ".handoff-window",
                                locker.handoffWindow(),
                                leases.handoffWindow(),
                                Duration.ZERO),
                        within(prefix + ".max-hold", locker.maxHold(), leases.maxHold(), Duration.ZERO),
                        locker.onLeaseLost() == null
                                ? leases.failOnLeaseLost()
                                : locker.onLeaseLost() == KeyedLockProperties.OnLeaseLost.FAIL,
                        leases.keyEncoder()),
                locker.failFast() == null ? base.failFast() : locker.failFast());
    }

    private static String kind(String property, String value) {
        for (String kind : List.of(BackendChoice.LOCAL, BackendChoice.REDIS)) {
            if (value.trim().equalsIgnoreCase(kind)) {
                return kind;
            }
        }
        throw invalid(property, value, "There is no such backend. Write 'local' or 'redis'.");
    }

    private static Duration within(String property, @Nullable Duration value, Duration base, Duration least) {
        if (value == null) {
            return base;
        }
        if (value.compareTo(least) < 0 || value.compareTo(LeaseSettings.LONGEST) > 0) {
            throw invalid(
                    property,
                    value,
                    "Write a duration of at least " + least.toMillis() + " ms and at most "
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
