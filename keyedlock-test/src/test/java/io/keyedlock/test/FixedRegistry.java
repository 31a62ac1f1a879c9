// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.NoSuchKeyedLockerException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A registry of the lockers that a test adds. Fails if it is used after it was closed, as by its context. */
final class FixedRegistry implements KeyedLockerRegistry, AutoCloseable {

    private final Map<String, KeyedLocker<?>> lockers;

    private volatile boolean closed;

    FixedRegistry(Map<String, ? extends KeyedLocker<?>> lockers) {
        this.lockers = new ConcurrentHashMap<>(lockers);
    }

    void add(KeyedLocker<?> locker) {
        lockers.put(locker.name(), locker);
    }

    @Override
    public <K> KeyedLocker<K> get(String name) {
        return this.<K>find(name).orElseThrow(() -> new NoSuchKeyedLockerException(name, names()));
    }

    @Override
    @SuppressWarnings("unchecked")
    public <K> Optional<KeyedLocker<K>> find(String name) {
        return Optional.ofNullable((KeyedLocker<K>) lockers.get(name));
    }

    @Override
    public Set<String> names() {
        if (closed) {
            throw new IllegalStateException("asked for names though it is closed");
        }
        return Set.copyOf(lockers.keySet());
    }

    @Override
    public void close() {
        closed = true;
    }
}
