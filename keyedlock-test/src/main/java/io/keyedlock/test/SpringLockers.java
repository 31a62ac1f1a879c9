// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import java.util.Collection;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.test.context.junit.jupiter.SpringExtension;

/**
 * Finds the lockers in the application context of a Spring test. The only class that uses Spring, which is optional.
 *
 * <p>The context is requested before each test, but never before its class, because other extensions may have to start what the
 * context needs.
 */
final class SpringLockers implements LockerSource {

    private static final String INSTEAD =
            ", or specify the lockers: @RegisterExtension KeyedLockExtension locks = KeyedLockExtension.of(locker)";

    @Override
    public Supplier<Collection<KeyedLocker<?>>> of(ExtensionContext context) {
        requireSpring();
        ApplicationContext beans = SpringExtension.getApplicationContext(context);
        KeyedLockerRegistry registry =
                beans.getBeanProvider(KeyedLockerRegistry.class).getIfAvailable();
        if (registry == null) {
            throw new ExtensionConfigurationException(
                    "There is no KeyedLockerRegistry bean in the application context of "
                            + context.getRequiredTestClass().getName()
                            + ". Annotate the class with @SpringBootTest, let a slice import KeyedLockAutoConfiguration"
                            + INSTEAD);
        }
        // A test may close its context, which then creates no more beans.
        return () -> beans instanceof ConfigurableApplicationContext closeable && !closeable.isActive()
                ? List.of()
                : LockerSource.in(registry);
    }

    private static void requireSpring() {
        try {
            Class.forName(
                    "org.springframework.test.context.junit.jupiter.SpringExtension",
                    false,
                    SpringLockers.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new ExtensionConfigurationException(
                    "KeyedLockExtension was given no lockers and finds no Spring on the class path."
                            + " Add spring-boot-starter-test" + INSTEAD,
                    e);
        }
    }
}
