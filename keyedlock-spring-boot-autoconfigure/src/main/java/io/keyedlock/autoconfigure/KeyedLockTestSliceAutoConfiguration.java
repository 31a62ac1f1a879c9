// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfigureOrder;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;

/**
 * Auto-configuration only for test slices such as {@code @WebMvcTest}. If the slice lacks the beans of the configured backend,
 * all lockers are local.
 *
 * @since 0.1.0
 */
@AutoConfiguration
@AutoConfigureOrder(Ordered.LOWEST_PRECEDENCE)
@ConditionalOnMissingBean(name = ContextLockers.BACKENDS)
public final class KeyedLockTestSliceAutoConfiguration {

    /** For the application context. */
    public KeyedLockTestSliceAutoConfiguration() {}

    @Bean(ContextLockers.BACKENDS)
    static LockerBackends keyedLockerBackends() {
        return (settings, choice) -> null;
    }
}
