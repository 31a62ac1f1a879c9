// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.actuate.KeyedLocksEndpoint;
import io.keyedlock.actuate.KeyedLocksEndpointWebExtension;
import io.keyedlock.actuate.LockerHistory;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.actuate.endpoint.Show;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.autoconfigure.condition.SearchStrategy;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Role;
import org.springframework.core.env.Environment;

/**
 * Auto-configuration of the actuator endpoint of lockers. A child context has its own endpoint instead of its parent's, because
 * the parent does not know the lockers of its children.
 *
 * @since 0.1.0
 */
@AutoConfiguration(after = KeyedLockAutoConfiguration.class)
@ConditionalOnClass(ConditionalOnAvailableEndpoint.class)
@Conditional(OnEnabled.Locking.class)
@ConditionalOnAvailableEndpoint(KeyedLocksEndpoint.class)
@EnableConfigurationProperties(KeyedLockEndpointProperties.class)
public final class KeyedLockEndpointAutoConfiguration {

    /** For the application context. */
    public KeyedLockEndpointAutoConfiguration() {}

    @Bean
    @ConditionalOnMissingBean(search = SearchStrategy.CURRENT)
    KeyedLocksEndpoint keyedLocksEndpoint(
            ContextLockers registry, KeyedLockProperties properties, KeyedLockEndpointProperties endpoint) {
        Show showKeys = properties.showKeys() ? endpoint.showKeys() : Show.NEVER;
        return new KeyedLocksEndpoint(registry::existing, showKeys, endpoint.roles());
    }

    /** Created with the first locker, so it has no dependencies. */
    @Bean
    @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
    @ConditionalOnMissingBean
    static LockerHistory keyedLockerHistory() {
        return new LockerHistory();
    }

    @Bean
    @ConditionalOnMissingBean(search = SearchStrategy.CURRENT)
    @ConditionalOnBean(KeyedLocksEndpoint.class)
    KeyedLocksEndpointWebExtension keyedLocksEndpointWebExtension(
            KeyedLocksEndpoint endpoint,
            LockerHistory history,
            KeyedLockEndpointProperties properties,
            Environment environment) {
        String path = Binder.get(environment)
                .bind("management.endpoints.web.path-mapping", Bindable.mapOf(String.class, String.class))
                .map(mapping -> mapping.get("keyedlocks"))
                .orElse("keyedlocks");
        String segment = path.substring(path.lastIndexOf('/') + 1);
        return new KeyedLocksEndpointWebExtension(endpoint, history, properties.page() ? segment : null);
    }

    /** Only for servlets, where a request that waits occupies a thread. */
    @Bean
    @ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
    static SharedThreadsWarning keyedLockSharedThreadsWarning(ApplicationContext context, ContextLockers lockers) {
        return new SharedThreadsWarning(context, lockers);
    }
}
