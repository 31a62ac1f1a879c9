// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.http.ProblemDetail;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/**
 * Auto-configuration of problem details for HTTP clients that got no permit, in servlet and reactive applications.
 *
 * @since 0.1.0
 */
@AutoConfiguration(after = KeyedLockAutoConfiguration.class)
@ConditionalOnWebApplication
@ConditionalOnClass({ProblemDetail.class, RestControllerAdvice.class})
@Conditional(OnEnabled.ProblemDetails.class)
public final class KeyedLockWebAutoConfiguration {

    /** For the application context. */
    public KeyedLockWebAutoConfiguration() {}

    @Bean
    LockProblems keyedLockProblems(BeanFactory beans, ContextLockers registry, KeyedLockProperties properties) {
        return new LockProblems(
                registry::existing,
                name -> beans.containsBean(name) && beans.isTypeMatch(name, KeyedLocker.class),
                properties.showKeys() && properties.web().showKeys());
    }
}
