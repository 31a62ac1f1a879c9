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
 * The lockers in the application context of a Spring test. The only class that knows Spring, which need not be there.
 *
 * <p>The context is asked for when a test is about to begin, and never before its class: what the context needs may be
 * started by other extensions first.
 */
final class SpringLockers implements Lockers {

    private static final String INSTEAD =
            ", or say which lockers to look at: @RegisterExtension KeyedLockExtension locks = KeyedLockExtension.of(locker)";

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
        // A test may close its context, which then makes no beans any more.
        return () -> beans instanceof ConfigurableApplicationContext closeable && !closeable.isActive()
                ? List.of()
                : Lockers.in(registry);
    }

    private static void requireSpring() {
        try {
            Class.forName(
                    "org.springframework.test.context.junit.jupiter.SpringExtension",
                    false,
                    SpringLockers.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new ExtensionConfigurationException(
                    "KeyedLockExtension was given no lockers and finds no Spring on the class path. Add spring-boot-starter-test"
                            + INSTEAD,
                    e);
        }
    }
}
