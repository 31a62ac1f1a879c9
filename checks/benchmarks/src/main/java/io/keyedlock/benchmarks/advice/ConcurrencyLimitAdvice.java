// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.resilience.annotation.ConcurrencyLimit;
import org.springframework.resilience.annotation.EnableResilientMethods;

/** Spring's own limit of a method, whatever the arguments. */
@Configuration(proxyBeanMethods = false)
@EnableResilientMethods(proxyTargetClass = true)
class ConcurrencyLimitAdvice {

    @Bean
    OrderService orders() {
        return new Orders();
    }

    /** One at a time. */
    public static class Orders implements OrderService {

        @Override
        @ConcurrencyLimit(1)
        public String ship(Order order) {
            return order.id();
        }
    }
}
