// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.metrics.KeyedLockerMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Role;

/**
 * Auto-configuration of the meters of all lockers.
 *
 * <p>Lockers are created early, so the metrics bean has no dependencies. It is bound to the registry after all singletons have
 * been created.
 *
 * @since 0.1.0
 * @see KeyedLockObservationAutoConfiguration
 */
@AutoConfiguration(
        after = KeyedLockAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.actuate.autoconfigure.metrics.CompositeMeterRegistryAutoConfiguration",
            "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration"
        })
@ConditionalOnClass(MeterRegistry.class)
@ConditionalOnSingleCandidate(MeterRegistry.class)
@Conditional(OnEnabled.Locking.class)
public final class KeyedLockMetricsAutoConfiguration {

    /** For the application context. */
    public KeyedLockMetricsAutoConfiguration() {}

    @Bean
    @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
    @ConditionalOnMissingBean
    static KeyedLockerMetrics keyedLockerMetrics(KeyedLockProperties properties) {
        return new KeyedLockerMetrics(properties.metrics().hold());
    }

    @Bean
    SmartInitializingSingleton keyedLockerMetricsBinding(
            KeyedLockerMetrics metrics,
            ContextLockers lockers,
            ObjectProvider<MeterRegistry> registry,
            ListableBeanFactory beans) {
        return () -> {
            lockers.observe(metrics::add);
            // A parent context binds its own metrics.
            if (beans.getBeanNamesForType(KeyedLockerMetrics.class, true, false).length > 0) {
                registry.ifAvailable(metrics::bindTo);
            }
        };
    }
}
