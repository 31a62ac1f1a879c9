// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.aop.KeyedLockAdvisor;
import io.keyedlock.aop.KeyedLockValidator;
import io.keyedlock.aop.LeaseCommitCheck;
import io.keyedlock.aop.UnlockedMethodsWarning;
import org.springframework.aop.Advisor;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Role;
import org.springframework.core.Ordered;
import org.springframework.core.env.Environment;
import org.springframework.transaction.ConfigurableTransactionManager;
import org.springframework.util.function.SingletonSupplier;

/**
 * Auto-configuration of the advice that locks methods annotated with {@link KeyedLock}, and of the check of the annotations at
 * startup. With {@code keyedlock.enabled=false} it only logs a warning that lists those methods.
 *
 * @since 0.1.0
 * @see KeyedLock
 */
@AutoConfiguration(after = KeyedLockAutoConfiguration.class)
@ConditionalOnClass(Advisor.class)
public final class KeyedLockAopAutoConfiguration {

    /** For the application context. */
    public KeyedLockAopAutoConfiguration() {}

    @Configuration(proxyBeanMethods = false)
    @Conditional(OnEnabled.Locking.class)
    static class Advice {

        /** Created before the first bean that can be proxied, so it looks up other beans lazily. */
        @Bean
        @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
        static KeyedLockAdvisor keyedLockAdvisor(
                ConfigurableListableBeanFactory beans,
                ObjectProvider<ContextLockers> registry,
                ObjectProvider<KeyedLockProperties> properties,
                ObjectProvider<BodyExecutor> executor,
                Environment environment) {
            int order = Binder.get(environment)
                    .bind("keyedlock.aop.order", Integer.class)
                    .orElse(Ordered.LOWEST_PRECEDENCE - 100);
            return new KeyedLockAdvisor(
                    beans,
                    SingletonSupplier.of(() -> new ContextLockerRegistry(registry.getObject())),
                    () -> switch (properties.getObject().release()) {
                        case AFTER_TRANSACTION -> KeyedLock.Release.AFTER_TRANSACTION;
                        case ON_RETURN -> KeyedLock.Release.ON_RETURN;
                    },
                    () -> executor.getObject().get(),
                    order);
        }

        @Bean
        @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
        static BodyExecutor keyedLockBodyExecutor(
                ConfigurableListableBeanFactory beans, KeyedLockProperties properties, Environment environment) {
            return new BodyExecutor(
                    beans,
                    properties.executor(),
                    Binder.get(environment)
                            .bind("spring.threads.virtual.enabled", Boolean.class)
                            .orElse(false));
        }

        @Bean
        @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
        static KeyedLockValidator keyedLockValidator(
                ConfigurableListableBeanFactory beans,
                ObjectProvider<KeyedLockAdvisor> advisor,
                ObjectProvider<KeyedLockProperties> properties) {
            return new KeyedLockValidator(
                    beans,
                    advisor::getObject,
                    bean -> beans.registerDependentBean(LockerBeans.BEAN, bean),
                    () -> properties.getObject().validation() == KeyedLockProperties.Validation.FAIL);
        }

        @Bean
        static SmartInitializingSingleton keyedLockDefaultsCheck(ContextLockers registry) {
            return registry::checkDefaults;
        }
    }

    @Configuration(proxyBeanMethods = false)
    @Conditional(OnEnabled.Locking.class)
    @ConditionalOnClass(ConfigurableTransactionManager.class)
    static class Transactions {

        @Bean
        @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
        static LeaseCommitCheck keyedLockLeaseCommitCheck() {
            return new LeaseCommitCheck();
        }
    }

    @Configuration(proxyBeanMethods = false)
    @Conditional(OnEnabled.NoLocking.class)
    static class NoAdvice {

        @Bean
        @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
        static UnlockedMethodsWarning keyedLockUnlockedMethodsWarning(ConfigurableListableBeanFactory beans) {
            return new UnlockedMethodsWarning(beans);
        }
    }
}
