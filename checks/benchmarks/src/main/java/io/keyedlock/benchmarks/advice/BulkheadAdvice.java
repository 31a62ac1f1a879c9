// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

import io.github.resilience4j.bulkhead.annotation.Bulkhead;
import io.github.resilience4j.common.bulkhead.configuration.CommonThreadPoolBulkheadConfigurationProperties;
import io.github.resilience4j.spring6.bulkhead.configure.BulkheadConfiguration;
import io.github.resilience4j.spring6.bulkhead.configure.BulkheadConfigurationProperties;
import io.github.resilience4j.spring6.fallback.configure.FallbackConfiguration;
import io.github.resilience4j.spring6.spelresolver.configure.SpelResolverConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;

/** A bulkhead per order, of 25 callers as it is by default. */
@Configuration(proxyBeanMethods = false)
@Import({BulkheadConfiguration.class, FallbackConfiguration.class, SpelResolverConfiguration.class})
class BulkheadAdvice {

    @Bean
    BulkheadConfigurationProperties bulkheadConfigurationProperties() {
        return new BulkheadConfigurationProperties();
    }

    @Bean
    CommonThreadPoolBulkheadConfigurationProperties threadPoolBulkheadConfigurationProperties() {
        return new CommonThreadPoolBulkheadConfigurationProperties();
    }

    @Bean
    OrderService orders() {
        return new Orders();
    }

    /** Its name is an expression. */
    public static class Orders implements OrderService {

        @Override
        @Bulkhead(name = "#order.id")
        public String ship(Order order) {
            return order.id();
        }
    }
}
