// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.aop.KeyedLockerSource;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** The lockers of the registry, for the advice. */
record RegisteredLockers(LockerRegistry registry) implements KeyedLockerSource {

    @Override
    public Optional<KeyedLocker<Object>> find(String name) {
        return registry.find(name);
    }

    @Override
    public KeyedLocker<Object> own(String name, OptionalInt limit) {
        return registry.own(name, limit);
    }

    @Override
    public Set<String> names() {
        return registry.names();
    }

    @Override
    public String property(String name) {
        return LockerSettings.prefixOf(name);
    }
}
