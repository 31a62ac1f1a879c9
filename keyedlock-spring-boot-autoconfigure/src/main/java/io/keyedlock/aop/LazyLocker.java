// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The locker of a method, looked up by its name on the first call that needs it. */
final class LazyLocker {

    private final String name;
    private final Supplier<KeyedLocker<Object>> source;

    /** Several threads may write it at the same time; the source returns the same locker to all of them. */
    private volatile @Nullable KeyedLocker<Object> locker;

    LazyLocker(String name, Supplier<KeyedLocker<Object>> source) {
        this.name = name;
        this.source = source;
    }

    String name() {
        return name;
    }

    KeyedLocker<Object> get() {
        KeyedLocker<Object> known = locker;
        if (known == null) {
            known = source.get();
            locker = known;
        }
        return known;
    }
}
