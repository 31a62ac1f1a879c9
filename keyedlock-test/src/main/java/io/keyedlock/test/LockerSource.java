// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import java.util.Collection;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Finds the lockers that the extension checks. */
@FunctionalInterface
interface LockerSource {

    /**
     * Finds the lockers of one test, before it begins.
     *
     * @param context the test
     * @return a supplier of the lockers that exist when it is called
     */
    Supplier<Collection<KeyedLocker<?>>> of(ExtensionContext context);

    static Collection<KeyedLocker<?>> in(KeyedLockerRegistry registry) {
        return registry.names().stream()
                .map(name -> registry.<Object>find(name))
                .flatMap(Optional::stream)
                .<KeyedLocker<?>>map(locker -> locker)
                .collect(Collectors.toUnmodifiableList());
    }
}
