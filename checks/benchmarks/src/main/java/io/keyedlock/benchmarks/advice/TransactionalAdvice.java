// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.TransactionStatus;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.SimpleTransactionStatus;

/** A transaction that is none, so that only its advice is left. */
@Configuration(proxyBeanMethods = false)
@EnableTransactionManagement(proxyTargetClass = true)
class TransactionalAdvice {

    @Bean
    PlatformTransactionManager transactionManager() {
        return new Nothing();
    }

    @Bean
    OrderService orders() {
        return new Orders();
    }

    /** In a transaction. */
    public static class Orders implements OrderService {

        @Override
        @Transactional
        public String ship(Order order) {
            return order.id();
        }
    }

    private static final class Nothing implements PlatformTransactionManager {

        @Override
        public TransactionStatus getTransaction(@Nullable TransactionDefinition definition) {
            return new SimpleTransactionStatus();
        }

        @Override
        public void commit(TransactionStatus status) {}

        @Override
        public void rollback(TransactionStatus status) {}
    }
}
