// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.LockLeaseLostException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.aop.CurrentPermit;
import io.keyedlock.lease.Leases;
import io.keyedlock.lease.MemoryLeaseStore;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.reactive.AbstractReactiveTransactionManager;
import org.springframework.transaction.reactive.GenericReactiveTransaction;
import org.springframework.transaction.reactive.TransactionSynchronizationManager;
import org.springframework.transaction.reactive.TransactionalOperator;
import reactor.core.publisher.Mono;

/** A reactive transaction inside an annotated call whose lease was lost is rolled back. */
class ReactiveLostLeaseTests {

    private static final Duration LONG = Duration.ofMinutes(1);

    private final MemoryLeaseStore store = new MemoryLeaseStore();
    private final Leases leases = Leases.create(store, "this process");

    private final ApplicationContextRunner contexts = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    AopAutoConfiguration.class, KeyedLockAutoConfiguration.class, KeyedLockAopAutoConfiguration.class))
            .withBean(
                    ContextLockers.BACKENDS,
                    LockerBackends.class,
                    () -> (settings, choice) -> leases.backend(settings, choice.leases()))
            .withUserConfiguration(Shop.class)
            .withPropertyValues(
                    "keyedlock.locks.orders.backend=redis",
                    "keyedlock.locks.orders.lease-time=300ms",
                    "keyedlock.locks.reported.backend=redis",
                    "keyedlock.locks.reported.lease-time=300ms",
                    "keyedlock.locks.reported.on-lease-lost=report");

    @AfterEach
    void close() {
        leases.close();
    }

    @Configuration(proxyBeanMethods = false)
    @EnableTransactionManagement
    static class Shop {
        @Bean
        Transactions transactions() {
            return new Transactions();
        }

        @Bean
        Orders shop(Transactions transactions) {
            return new Orders(transactions);
        }
    }

    /** Counts commits and rollbacks. Each step of a transaction ends on another thread. */
    static final class Transactions extends AbstractReactiveTransactionManager {
        private final transient AtomicInteger committed = new AtomicInteger();
        private final transient AtomicInteger rolledBack = new AtomicInteger();

        @Override
        protected Object doGetTransaction(TransactionSynchronizationManager synchronizations) {
            return new Object();
        }

        @Override
        protected Mono<Void> doBegin(
                TransactionSynchronizationManager synchronizations,
                Object transaction,
                TransactionDefinition definition) {
            return Mono.delay(Duration.ofMillis(1)).then();
        }

        @Override
        protected Mono<Void> doCommit(
                TransactionSynchronizationManager synchronizations, GenericReactiveTransaction status) {
            return Mono.fromRunnable(committed::incrementAndGet);
        }

        @Override
        protected Mono<Void> doRollback(
                TransactionSynchronizationManager synchronizations, GenericReactiveTransaction status) {
            return Mono.fromRunnable(rolledBack::incrementAndGet);
        }
    }

    static class Orders {
        private final TransactionalOperator operator;

        Orders(Transactions transactions) {
            operator = TransactionalOperator.create(transactions);
        }

        @KeyedLock(name = "orders", key = "#id")
        @Transactional
        public Mono<String> annotated(String id, @Nullable Runnable loss) {
            return body(loss);
        }

        @KeyedLock(name = "orders", key = "#id")
        public Mono<String> operated(String id, @Nullable Runnable loss) {
            return body(loss).as(operator::transactional);
        }

        @KeyedLock(name = "reported", key = "#id")
        @Transactional
        public Mono<String> reported(String id, @Nullable Runnable loss) {
            return body(loss);
        }

        /** Completes when the call can detect the loss, if there is one. */
        private static Mono<String> body(@Nullable Runnable loss) {
            return Mono.deferContextual(context -> {
                Permit permit = CurrentPermit.get(context).orElseThrow();
                if (loss == null) {
                    return Mono.just("kept");
                }
                Mono<String> afterLoss = Mono.fromFuture(permit.whenLost().toCompletableFuture(), true)
                        .thenReturn("lost");
                loss.run();
                return afterLoss;
            });
        }
    }

    private void loses(String lock) {
        store.loseHolders(lock, "s:42");
    }

    @Test
    void theTransactionOfACallIsRolledBack() {
        contexts.run(context -> {
            Orders orders = context.getBean(Orders.class);
            Transactions transactions = context.getBean(Transactions.class);
            assertThat(orders.annotated("42", null).block(LONG)).isEqualTo("kept");
            assertThat(transactions.committed).hasValue(1);
            assertThatThrownBy(
                            () -> orders.annotated("42", () -> loses("orders")).block(LONG))
                    .isInstanceOf(LockLeaseLostException.class);
            assertThat(transactions.committed).hasValue(1);
            assertThat(transactions.rolledBack).hasValue(1);
        });
    }

    @Test
    void theTransactionOfAnOperatorInACallIsRolledBack() {
        contexts.run(context -> {
            Transactions transactions = context.getBean(Transactions.class);
            assertThatThrownBy(() -> context.getBean(Orders.class)
                            .operated("42", () -> loses("orders"))
                            .block(LONG))
                    .isInstanceOf(LockLeaseLostException.class);
            assertThat(transactions.committed).hasValue(0);
            assertThat(transactions.rolledBack).hasValue(1);
        });
    }

    @Test
    void aLossThatIsOnlyReportedCommits() {
        contexts.run(context -> {
            Transactions transactions = context.getBean(Transactions.class);
            assertThat(context.getBean(Orders.class)
                            .reported("42", () -> loses("reported"))
                            .block(LONG))
                    .isEqualTo("lost");
            assertThat(transactions.committed).hasValue(1);
        });
    }

    /** A loss does not affect what follows the call, even on the thread that subscribed to it. */
    @Test
    void aTransactionAfterACallIsCommitted() {
        contexts.run(context -> {
            Transactions transactions = context.getBean(Transactions.class);
            TransactionalOperator operator = TransactionalOperator.create(transactions);
            assertThat(context.getBean(Orders.class)
                            .annotated("42", null)
                            .flatMap(kept -> Mono.just("after").as(operator::transactional))
                            .block(LONG))
                    .isEqualTo("after");
            assertThat(transactions.committed).hasValue(2);
        });
    }
}
