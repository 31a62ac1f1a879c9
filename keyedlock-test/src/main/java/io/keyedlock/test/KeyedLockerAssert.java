// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import java.util.List;
import java.util.Objects;
import org.assertj.core.api.AbstractAssert;
import org.jspecify.annotations.Nullable;

/**
 * Assertions on a locker, from {@link KeyedLockAssertions#assertThat}. Each checks the state at the time of its call.
 *
 * @param <K> the type of the locker's keys
 * @since 0.1.0
 */
public class KeyedLockerAssert<K> extends AbstractAssert<KeyedLockerAssert<K>, KeyedLocker<K>> {

    /**
     * Creates assertions on a locker.
     *
     * @param actual the locker; null fails the assertions
     */
    public KeyedLockerAssert(@Nullable KeyedLocker<K> actual) {
        super(actual, KeyedLockerAssert.class);
    }

    /**
     * Verifies that no key is held or awaited.
     *
     * @return these assertions
     * @throws AssertionError if a key is active
     */
    public KeyedLockerAssert<K> hasNoActiveKeys() {
        isNotNull();
        List<KeySnapshot<K>> active = actual.snapshot();
        if (!active.isEmpty()) {
            failWithMessage(
                    "%s", "Expecting '" + actual.name() + "' to have no active keys, but it has " + describe(active));
        }
        return myself;
    }

    /**
     * Verifies the number of keys that are held or awaited.
     *
     * @param expected the expected number
     * @return these assertions
     * @throws AssertionError if the number differs
     * @throws IllegalArgumentException if {@code expected} is negative
     */
    public KeyedLockerAssert<K> hasActiveKeyCount(int expected) {
        KeyAssert.requireCount(expected);
        isNotNull();
        List<KeySnapshot<K>> active = actual.snapshot();
        if (active.size() != expected) {
            throw failureWithActualExpected(
                    active.size(),
                    expected,
                    "%s",
                    "Expecting '" + actual.name() + "' to have " + expected + " active keys, but it has "
                            + describe(active));
        }
        return myself;
    }

    /**
     * Creates assertions on one key, all of them on its state at this moment.
     *
     * @param key the key, active or not
     * @return assertions on the key, with the same description
     * @throws AssertionError if the locker is null
     */
    public KeyAssert<K> key(K key) {
        Objects.requireNonNull(key, "key");
        isNotNull();
        KeyedLockerSettings settings = actual.settings();
        KeySnapshot<K> snapshot =
                actual.snapshot(key).orElseGet(() -> new KeySnapshot<>(key, actual.limit(), List.of(), List.of()));
        return new KeyAssert<>(snapshot, settings).as(info.description());
    }

    private String describe(List<KeySnapshot<K>> active) {
        if (active.isEmpty()) {
            return "none";
        }
        KeyedLockerSettings settings = actual.settings();
        return active.size() + ":"
                + Descriptions.lines(
                        active, key -> Descriptions.key(settings, key.key()) + ": " + Descriptions.state(key));
    }
}
