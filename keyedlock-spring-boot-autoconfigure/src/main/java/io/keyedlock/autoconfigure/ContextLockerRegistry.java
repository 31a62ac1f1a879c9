// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.aop.AdviceLockerRegistry;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/** The view of {@link ContextLockers} for the application and the advice. */
record ContextLockerRegistry(ContextLockers registry) implements AdviceLockerRegistry {

    @Override
    public <K> KeyedLocker<K> get(String name) {
        return registry.get(name);
    }

    @Override
    public <K> Optional<KeyedLocker<K>> find(String name) {
        return registry.find(name);
    }

    @Override
    public Set<String> names() {
        return registry.names();
    }

    @Override
    public KeyedLocker<Object> own(String name, OptionalInt limit) {
        return registry.own(name, limit);
    }

    @Override
    public String property(String name) {
        return LockerSettings.prefixOf(name);
    }
}
