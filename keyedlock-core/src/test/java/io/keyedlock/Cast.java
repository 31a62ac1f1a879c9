// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** The actors of a test, stopped at its end. */
final class Cast implements AfterEachCallback {

    private final List<Actor> actors = new CopyOnWriteArrayList<>();

    Actor actor(String name) {
        Actor actor = new Actor(name);
        actors.add(actor);
        return actor;
    }

    @Override
    public void afterEach(ExtensionContext context) {
        actors.forEach(Actor::dismiss);
    }

    static void until(BooleanSupplier condition) {
        Awaitility.await()
                .pollDelay(0, TimeUnit.MILLISECONDS)
                .pollInterval(1, TimeUnit.MILLISECONDS)
                .atMost(2, TimeUnit.MINUTES)
                .until(condition::getAsBoolean);
    }

    static int waiters(KeyedLocker<?> locker, Object key) {
        return snapshot(locker, key).map(s -> s.waiters().size()).orElse(0);
    }

    static int holders(KeyedLocker<?> locker, Object key) {
        return snapshot(locker, key).map(s -> s.holders().size()).orElse(0);
    }

    @SuppressWarnings("unchecked") // a lookup accepts any key
    private static Optional<KeySnapshot<Object>> snapshot(KeyedLocker<?> locker, Object key) {
        return ((KeyedLocker<Object>) locker).snapshot(key);
    }

    static void untilWaiters(KeyedLocker<?> locker, Object key, int count) {
        until(() -> waiters(locker, key) == count);
    }
}
