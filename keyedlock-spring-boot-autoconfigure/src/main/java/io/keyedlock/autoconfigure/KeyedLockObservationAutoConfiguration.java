// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.metrics.KeyedLockerMetrics;
import io.keyedlock.metrics.KeyedLockerObservations;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.observation.ObservationRegistry;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.util.function.SingletonSupplier;

/**
 * Auto-configuration of observations of waits, if {@code keyedlock.observations} is true.
 *
 * @since 0.1.0
 * @see KeyedLockMetricsAutoConfiguration
 */
@AutoConfiguration(
        after = KeyedLockAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.actuate.autoconfigure.observation.ObservationAutoConfiguration",
            "org.springframework.boot.micrometer.observation.autoconfigure.ObservationAutoConfiguration"
        })
@Conditional(OnEnabled.Observations.class)
public final class KeyedLockObservationAutoConfiguration {

    /** For the application context. */
    public KeyedLockObservationAutoConfiguration() {}

    /** Evaluated after the nested configurations, which Spring reads first. */
    @Bean
    @ConditionalOnMissingBean(type = "io.keyedlock.metrics.KeyedLockerObservations")
    static SmartInitializingSingleton keyedLockerObservationsMissing() {
        return () -> LoggerFactory.getLogger(KeyedLockObservationAutoConfiguration.class)
                .warn(
                        "keyedlock.observations=true has no effect: there is no ObservationRegistry bean, or there are several"
                                + " and none is primary. Add spring-boot-starter-actuator, mark one registry as @Primary, or"
                                + " remove the property.");
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(ObservationRegistry.class)
    @ConditionalOnSingleCandidate(ObservationRegistry.class)
    static final class Waits {

        @Bean
        @ConditionalOnMissingBean
        KeyedLockerObservations keyedLockerObservations(ObjectProvider<ObservationRegistry> registry) {
            return new KeyedLockerObservations(SingletonSupplier.of(registry::getObject));
        }
    }

    /** Separate, because observations work without meters. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass({ObservationRegistry.class, MeterFilter.class})
    @ConditionalOnBean(ObservationRegistry.class)
    static final class Meters {

        @Bean
        static MeterFilter keyedLockerObservationsMeterFilter() {
            return KeyedLockerMetrics.denyObservationMeters();
        }
    }
}
