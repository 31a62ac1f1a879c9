// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.time.Duration;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.core.env.Environment;

/**
 * Auto-configuration of the drain, which waits for idle lockers when the application stops.
 *
 * @since 0.1.0
 */
@AutoConfiguration(after = KeyedLockAutoConfiguration.class)
@Conditional(OnEnabled.Locking.class)
public final class KeyedLockShutdownAutoConfiguration {

    /** The default of {@code spring.lifecycle.timeout-per-shutdown-phase}. */
    private static final Duration DEFAULT_PHASE_TIMEOUT = Duration.ofSeconds(30);

    /** For the application context. */
    public KeyedLockShutdownAutoConfiguration() {}

    @Bean
    LockerDrain keyedLockerDrain(ContextLockers registry, KeyedLockProperties properties, Environment environment) {
        Duration phaseTimeout = Binder.get(environment)
                .bind("spring.lifecycle.timeout-per-shutdown-phase", Duration.class)
                .orElse(DEFAULT_PHASE_TIMEOUT);
        LockerDrain drain =
                new LockerDrain(registry::ofContext, properties.shutdown(), properties.showKeys(), phaseTimeout);
        registry.setAdmission(drain::admit);
        return drain;
    }
}
