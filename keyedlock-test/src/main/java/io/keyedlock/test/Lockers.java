// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import java.util.Collection;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Where the extension finds the lockers that it looks at. */
@FunctionalInterface
interface Lockers {

    /**
     * Finds the lockers of one test, once it is about to begin.
     *
     * @param context the test
     * @return the lockers that exist when it is asked
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
