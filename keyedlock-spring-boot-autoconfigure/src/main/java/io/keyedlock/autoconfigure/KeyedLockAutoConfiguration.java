// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerRegistry;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Fallback;
import org.springframework.context.annotation.Role;

/**
 * Auto-configuration of the lockers in {@code keyedlock.locks}, each as a bean of its name, and of the
 * {@link KeyedLockerRegistry} of all lockers.
 *
 * <p>A {@link KeyedLocker} bean of the application replaces the configured locker of that name. A registry bean of the
 * application takes precedence wherever a registry is injected.
 *
 * @since 0.1.0
 * @see KeyedLockAopAutoConfiguration
 */
@AutoConfiguration
@EnableConfigurationProperties(KeyedLockProperties.class)
public final class KeyedLockAutoConfiguration {

    /** For the application context. */
    public KeyedLockAutoConfiguration() {}

    @Bean(LockerBeans.BEAN)
    @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
    static LockerBeans keyedLockerBeans() {
        return new LockerBeans();
    }

    @Bean
    @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
    static BeanPostProcessor keyedLockerBeanObserver(ObjectProvider<ContextLockers> registry) {
        return new BeanPostProcessor() {
            @Override
            public Object postProcessAfterInitialization(Object bean, String beanName) {
                if (bean instanceof KeyedLocker<?> locker) {
                    registry.ifAvailable(lockers -> lockers.created(beanName, locker));
                }
                return bean;
            }
        };
    }

    /** Used by the other auto-configurations, so that an application or a test can replace the public registry. */
    @Bean(ContextLockers.BEAN)
    ContextLockers keyedLockerRegistryOfContext(
            ConfigurableListableBeanFactory beans, KeyedLockProperties properties, LockerBeans lockerBeans) {
        return new ContextLockers(beans, new LockerSettings(properties), lockerBeans);
    }

    @Bean
    @Fallback
    KeyedLockerRegistry keyedLockerRegistry(ContextLockers registry) {
        return new ContextLockerRegistry(registry);
    }

    @Bean
    @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
    static KeyedLockerListener keyedLockerLog(KeyedLockProperties properties) {
        return new LockerLog(properties.showKeys());
    }
}
