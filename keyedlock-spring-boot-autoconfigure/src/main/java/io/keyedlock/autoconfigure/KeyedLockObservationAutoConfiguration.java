// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.metrics.KeyedLockerMetrics;
import io.keyedlock.metrics.KeyedLockerObservations;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.observation.ObservationRegistry;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.util.function.SingletonSupplier;

/** Auto-configuration of observations of waits, if {@code keyedlock.observations} asks for them. */
@AutoConfiguration(
        after = KeyedLockAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.actuate.autoconfigure.observation.ObservationAutoConfiguration",
            "org.springframework.boot.micrometer.observation.autoconfigure.ObservationAutoConfiguration"
        })
@ConditionalOnClass(ObservationRegistry.class)
@ConditionalOnBean(ObservationRegistry.class)
@Conditional(OnEnabled.Observations.class)
public final class KeyedLockObservationAutoConfiguration {

    /** For the application context. */
    public KeyedLockObservationAutoConfiguration() {}

    @Bean
    @ConditionalOnMissingBean
    KeyedLockerObservations keyedLockerObservations(ObjectProvider<ObservationRegistry> registry) {
        return new KeyedLockerObservations(
                SingletonSupplier.of(() -> registry.getIfUnique(() -> ObservationRegistry.NOOP)));
    }

    /** Apart, as observations can be had without meters. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(MeterFilter.class)
    static final class Meters {

        @Bean
        static MeterFilter keyedLockerObservationsMeterFilter() {
            return KeyedLockerMetrics.notOfObservations();
        }
    }
}
