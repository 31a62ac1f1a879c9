// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockLeaseLostException;
import io.keyedlock.Permit;
import io.keyedlock.actuate.KeyedLocksEndpoint;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.aop.CurrentPermit;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import io.keyedlock.lease.MemoryLeaseStore;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.actuate.endpoint.Show;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.AbstractPlatformTransactionManager;
import org.springframework.transaction.support.DefaultTransactionStatus;
import org.springframework.transaction.support.TransactionTemplate;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Annotated calls whose lease is lost while they run. */
class LostLeaseTests {

    private final MemoryLeaseStore store = new MemoryLeaseStore();
    private final Leases leases = Leases.create(store, "this process");
    private final Leases others = Leases.create(store.forAnotherProcess(), "another process");

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
        others.close();
    }

    @Configuration(proxyBeanMethods = false)
    @EnableTransactionManagement
    static class Shop {
        @Bean
        Transactions transactions() {
            return new Transactions();
        }

        @Bean
        Orders orders2(LostLeaseTests.Losses losses) {
            return new Orders(losses);
        }
    }

    /** Makes the store lose the leases of a call and waits until the call can detect it. */
    interface Losses {
        void lose(String lock);
    }

    private void lose(String lock) {
        Permit permit = CurrentPermit.get().orElseThrow();
        assertThat(permit.isValid()).isTrue();
        CompletableFuture<Void> afterLoss = permit.whenLost().toCompletableFuture();
        store.loseHolders(lock, "s:42");
        afterLoss.orTimeout(60, TimeUnit.SECONDS).join();
        assertThat(permit.isValid()).isFalse();
    }

    /** Counts commits and rollbacks. */
    static final class Transactions extends AbstractPlatformTransactionManager {
        private static final long serialVersionUID = 1L;
        int committed;
        int rolledBack;

        @Override
        protected Object doGetTransaction() {
            return this;
        }

        @Override
        protected void doBegin(Object transaction, TransactionDefinition definition) {}

        @Override
        protected void doCommit(DefaultTransactionStatus status) {
            committed++;
        }

        @Override
        protected void doRollback(DefaultTransactionStatus status) {
            rolledBack++;
        }
    }

    static class Orders {
        private final Losses losses;

        Orders(Losses losses) {
            this.losses = losses;
        }

        @KeyedLock(name = "orders", key = "#id")
        public long token(String id) {
            return CurrentPermit.get().orElseThrow().fencingToken().orElseThrow();
        }

        @KeyedLock(name = "orders", key = "#id")
        public void plain(String id) {
            losses.lose("orders");
        }

        @KeyedLock(name = "reported", key = "#id")
        public String reported(String id) {
            losses.lose("reported");
            return "done";
        }

        @KeyedLock(name = "orders", key = "#id")
        public void failing(String id) {
            losses.lose("orders");
            throw new IllegalArgumentException("its own");
        }

        @KeyedLock(name = "orders", key = "#id")
        @Transactional
        public void transactional(String id, boolean loses) {
            if (loses) {
                losses.lose("orders");
            }
        }

        @KeyedLock(name = "orders", key = "#id")
        public CompletableFuture<String> future(String id) {
            losses.lose("orders");
            return CompletableFuture.completedFuture("done");
        }

        @KeyedLock(name = "orders", key = "#id")
        public Mono<Long> mono(String id, boolean loses) {
            return Mono.deferContextual(context -> {
                Permit permit = CurrentPermit.get(context).orElseThrow();
                if (!loses) {
                    return Mono.just(permit.fencingToken().orElseThrow());
                }
                CompletableFuture<Void> afterLoss = permit.whenLost().toCompletableFuture();
                losses.lose("");
                return Mono.fromFuture(afterLoss).thenReturn(0L);
            });
        }

        @KeyedLock(name = "orders", key = "#id")
        public Flux<Long> flux(String id) {
            return mono(id, true).flux();
        }
    }

    private ApplicationContextRunner losing() {
        return contexts.withBean(Losses.class, () -> lock -> {
            if (lock.isEmpty()) {
                store.loseHolders("orders", "s:42");
            } else {
                lose(lock);
            }
        });
    }

    @Test
    void aBlockingCallFailsOnReturn() {
        losing().run(context -> {
            assertThatThrownBy(() -> context.getBean(Orders.class).plain("42"))
                    .isInstanceOfSatisfying(LockLeaseLostException.class, lost -> {
                        assertThat(lost.lockName()).isEqualTo("orders");
                        assertThat(lost.key()).isEqualTo("42");
                    });
            assertThat(context.getBean(KeyedLockerRegistry.class).get("orders").activeKeyCount())
                    .isZero();
            assertThat(CurrentPermit.get()).isEmpty();
        });
    }

    @Test
    void aFailureOfTheMethodTakesPrecedence() {
        losing().run(context -> {
            Throwable failure =
                    catchThrowable(() -> context.getBean(Orders.class).failing("42"));
            assertThat(failure).isInstanceOf(IllegalArgumentException.class);
            assertThat(failure.getSuppressed()).hasExactlyElementsOfTypes(LockLeaseLostException.class);
        });
    }

    @Test
    void aLossIsOnlyReportedIfConfigured() {
        losing().run(context ->
                assertThat(context.getBean(Orders.class).reported("42")).isEqualTo("done"));
    }

    @Test
    void theTransactionOfACallIsRolledBack() {
        losing().run(context -> {
            Orders orders = context.getBean(Orders.class);
            Transactions transactions = context.getBean(Transactions.class);
            orders.transactional("42", false);
            assertThat(transactions.committed).isEqualTo(1);
            assertThatThrownBy(() -> orders.transactional("42", true)).isInstanceOf(LockLeaseLostException.class);
            assertThat(transactions.committed).isEqualTo(1);
            assertThat(transactions.rolledBack).isEqualTo(1);
        });
    }

    @Test
    void theTransactionAroundACallIsRolledBack() {
        losing().run(context -> {
            Transactions transactions = context.getBean(Transactions.class);
            TransactionTemplate template = new TransactionTemplate(context.getBean(PlatformTransactionManager.class));
            KeyedLocker<String> locker =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            assertThatThrownBy(() -> template.executeWithoutResult(status -> {
                        context.getBean(Orders.class).token("42");
                        assertThat(locker.isActive("42"))
                                .as("until the transaction ends")
                                .isTrue();
                        store.loseHolders("orders", "s:42");
                        Awaitility.await().pollInSameThread().until(() -> isLost(locker));
                    }))
                    .isInstanceOf(LockLeaseLostException.class);
            assertThat(transactions.committed).isZero();
            assertThat(transactions.rolledBack).isEqualTo(1);
            assertThat(locker.isActive("42")).isFalse();
        });
    }

    /** Returns whether the permit of this thread is lost, by a reentrant acquisition. */
    private static boolean isLost(KeyedLocker<String> locker) {
        try (Permit again = locker.tryAcquire("42").orElseThrow()) {
            return !again.isValid();
        }
    }

    @Test
    void futuresAndPublishersFailInsteadOfCompleting() {
        losing().run(context -> {
            Orders orders = context.getBean(Orders.class);
            assertThatThrownBy(() -> orders.future("42").get(60, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(LockLeaseLostException.class);
            assertThatThrownBy(() -> orders.mono("42", true).block(Duration.ofMinutes(1)))
                    .isInstanceOf(LockLeaseLostException.class);
            assertThatThrownBy(() -> orders.flux("42").blockLast(Duration.ofMinutes(1)))
                    .isInstanceOf(LockLeaseLostException.class);
        });
    }

    @Test
    void theTokenIsAvailableInsideTheMethod() {
        losing().run(context -> {
            Orders orders = context.getBean(Orders.class);
            long first = orders.token("42");
            assertThat(orders.mono("42", false).block(Duration.ofMinutes(1))).isGreaterThanOrEqualTo(first);
        });
    }

    @Test
    void theEndpointShowsHoldersInOtherProcesses() {
        losing().run(context -> {
            KeyedLocker<Object> here =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            KeyedLocker<Object> there =
                    KeyedLocker.createOn(others.backend(here.settings(), LeaseSettings.defaults()), here.settings());
            KeyedLocksEndpoint endpoint = new KeyedLocksEndpoint(() -> Map.of("orders", here), Show.ALWAYS, Set.of());
            for (Object key : List.of("42", 7L)) {
                try (Permit held = there.acquire(key)) {
                    assertThat(held.isValid()).isTrue();
                    KeyedLocksEndpoint.HeldKeyDescriptor shown =
                            (KeyedLocksEndpoint.HeldKeyDescriptor) endpoint.locker("orders", String.valueOf(key));
                    assertThat(shown.holders()).isZero();
                    assertThat(shown.elsewhere())
                            .singleElement()
                            .satisfies(holder -> assertThat(holder.owner()).isEqualTo("another process"));
                }
            }
            assertThat(endpoint.locker("orders", "nobody's")).isNull();
            there.close();
        });
    }
}
