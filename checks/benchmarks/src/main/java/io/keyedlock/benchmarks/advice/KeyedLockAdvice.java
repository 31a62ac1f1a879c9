// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.autoconfigure.KeyedLockAopAutoConfiguration;
import io.keyedlock.autoconfigure.KeyedLockAutoConfiguration;
import io.keyedlock.autoconfigure.KeyedLockMetricsAutoConfiguration;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;

/** Ours, as the auto-configuration sets it up. */
final class KeyedLockAdvice {

    private KeyedLockAdvice() {}

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({KeyedLockAutoConfiguration.class, KeyedLockAopAutoConfiguration.class})
    static class OneKey {

        @Bean
        OrderService orders() {
            return new Orders();
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration(KeyedLockMetricsAutoConfiguration.class)
    static class Metered extends OneKey {

        @Bean
        MeterRegistry meterRegistry() {
            return new SimpleMeterRegistry();
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({KeyedLockAutoConfiguration.class, KeyedLockAopAutoConfiguration.class})
    static class Composite {

        @Bean
        OrderService orders() {
            return new OrdersOfTenants();
        }
    }

    /** Behind the empty interceptor, so that the difference is what the lock itself costs. */
    @Configuration(proxyBeanMethods = false)
    @Import(EmptyAdvice.Interceptor.class)
    static class ByHand {

        @Bean
        OrderService orders() {
            return new OrdersByHand(KeyedLocker.create());
        }
    }

    /** One key. */
    public static class Orders implements OrderService {

        @Override
        @KeyedLock(key = "#order.id")
        public String ship(Order order) {
            return order.id();
        }
    }

    /** A key of two parts. */
    public static class OrdersOfTenants implements OrderService {

        @Override
        @KeyedLock(key = "{#order.tenant, #order.id}")
        public String ship(Order order) {
            return order.id();
        }
    }

    /** The lock without the advice. */
    public static class OrdersByHand implements OrderService {

        private final KeyedLocker<String> locker;

        OrdersByHand(KeyedLocker<String> locker) {
            this.locker = locker;
        }

        @Override
        @SuppressWarnings("try") // the permit is not used but to close it
        public String ship(Order order) {
            try (Permit permit = locker.acquire(order.id())) {
                return order.id();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
