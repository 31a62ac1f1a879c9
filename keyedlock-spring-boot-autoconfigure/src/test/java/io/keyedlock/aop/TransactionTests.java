// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.annotation.KeyedLock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.annotation.Order;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.annotation.Propagation;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.event.TransactionPhase;
import org.springframework.transaction.event.TransactionalEventListener;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.transaction.support.TransactionTemplate;

/** When a lock that was acquired in or around a transaction is released. */
class TransactionTests {

    private final ApplicationContextRunner runner =
            Contexts.runner(Inner.class, Outer.class, Listener.class).withUserConfiguration(Transactions.class);

    @Test
    void lockAroundATransactionalMethodIsHeldThroughItsCommit() {
        run((inner, locked) -> {
            inner.during(() -> {
                assertThat(TransactionSynchronizationManager.isActualTransactionActive())
                        .isTrue();
                onCompletion(() -> locked.note("completion"));
            });
            inner.transactional("a");
            assertThat(locked.notes()).containsExactly("completion: [a]");
            assertThat(locked.keys()).isEmpty();
        });
    }

    @Test
    void lockAcquiredInATransactionIsHeldUntilItHasCommitted() {
        run((inner, locked) -> {
            locked.inTransaction(() -> {
                inner.plain("a");
                locked.note("returned");
                onCompletion(() -> locked.note("completion"));
            });
            assertThat(locked.notes()).containsExactly("returned: [a]", "completion: [a]");
            assertThat(locked.keys()).isEmpty();
        });
    }

    @Test
    void otherThreadWaitsUntilTheCommit() {
        run((inner, locked) -> {
            try (Section section = new Section()) {
                section.start(() -> locked.inTransaction(() -> {
                    inner.plain("a");
                    section.pass();
                }));
                section.awaitInside(1);
                CompletableFuture<?> other = section.start(() -> inner.plain("a"));
                locked.awaitWaiter();
                assertThat(other).isNotDone();
                section.release(1);
                assertThat(other).succeedsWithin(java.time.Duration.ofMinutes(2));
            }
        });
    }

    @Test
    void rollbackReleasesTheLock() {
        run((inner, locked) -> {
            assertThatThrownBy(() -> locked.inTransaction(() -> {
                        inner.plain("a");
                        throw new IllegalStateException("on purpose");
                    }))
                    .hasMessage("on purpose");
            assertThat(locked.keys()).isEmpty();
            assertThatThrownBy(() -> locked.inTransaction(() -> inner.failing("a")))
                    .hasMessage("in the body");
            assertThat(locked.keys()).isEmpty();
        });
    }

    @Test
    void failedCommitReleasesTheLock() {
        run((inner, locked) -> {
            assertThatThrownBy(() -> locked.inTransaction(() -> {
                        inner.plain("a");
                        TransactionSynchronizationManager.registerSynchronization(new TransactionSynchronization() {
                            @Override
                            public void beforeCommit(boolean readOnly) {
                                throw new IllegalStateException("at commit");
                            }
                        });
                    }))
                    .hasMessage("at commit");
            assertThat(locked.keys()).isEmpty();
        });
    }

    @Test
    void onReturnOfTheMethodReleasesInsideTheTransaction() {
        run((inner, locked) -> {
            locked.inTransaction(() -> {
                inner.onReturn("a");
                assertThat(locked.keys()).isEmpty();
            });
        });
    }

    @Test
    void onReturnOfThePropertyAppliesUnlessTheMethodOverridesIt() {
        run(
                (inner, locked) -> locked.inTransaction(() -> {
                    inner.plain("a");
                    assertThat(locked.keys()).isEmpty();
                    inner.afterTransaction("b");
                    assertThat(locked.keys()).containsExactly("b");
                }),
                "keyedlock.release=on-return");
    }

    @Test
    void sameTransactionMayAcquireTheKeyRepeatedly() {
        run((inner, locked) -> {
            locked.inTransaction(() -> {
                for (int i = 0; i < 100; i++) {
                    inner.plain("a");
                    inner.transactional("a");
                }
                inner.plain("b");
                assertThat(locked.keys()).containsExactlyInAnyOrder("a", "b", "a");
            });
            assertThat(locked.keys()).isEmpty();
        });
    }

    @Test
    void multipleKeysAreHeldUntilTheCommit() {
        run((inner, locked) -> {
            locked.inTransaction(() -> {
                inner.several("a", "b");
                assertThat(locked.keys()).containsExactlyInAnyOrder("a", "b");
            });
            assertThat(locked.keys()).isEmpty();
        });
    }

    @Test
    void lockOfANewTransactionIsHeldUntilTheOuterOneCompletes() {
        run((inner, locked) -> {
            locked.inTransaction(() -> {
                inner.requiresNew("a");
                assertThat(locked.keys()).containsExactly("a");
            });
            assertThat(locked.keys()).isEmpty();
        });
    }

    @Test
    void lockAcquiredInANewTransactionIsReleasedWithIt() {
        run((inner, locked) -> {
            locked.inTransaction(() -> {
                locked.inNewTransaction(() -> {
                    inner.plain("a");
                    assertThat(locked.keys()).containsExactly("a");
                });
                assertThat(locked.keys()).isEmpty();
            });
        });
    }

    @Test
    void lockAcquiredInANestedTransactionIsHeldUntilTheOuterOneCompletes() {
        run((inner, locked) -> {
            locked.inTransaction(() -> {
                assertThatThrownBy(() -> locked.inNestedTransaction(() -> {
                            inner.plain("a");
                            throw new IllegalStateException("to the savepoint");
                        }))
                        .hasMessage("to the savepoint");
                assertThat(locked.keys()).containsExactly("a");
            });
            assertThat(locked.keys()).isEmpty();
        });
    }

    @Test
    void withoutATransactionTheLockIsReleasedOnReturn() {
        run((inner, locked) -> {
            inner.plain("a");
            assertThat(locked.keys()).isEmpty();
            locked.withoutTransaction(() -> {
                assertThat(TransactionSynchronizationManager.isSynchronizationActive())
                        .isTrue();
                inner.plain("a");
                assertThat(locked.keys()).isEmpty();
            });
        });
    }

    @Test
    void listenerAfterTheCommitReleasesItsLockOnReturn() {
        runner.run(context -> {
            Locked locked = new Locked(context);
            Listener listener = context.getBean(Listener.class);
            listener.locked(locked);
            locked.inTransaction(() -> context.getBean(Outer.class).publish());
            assertThat(locked.notes())
                    .containsExactly(
                            "before commit: [before]",
                            "after commit: [after, before]",
                            "after completion: [completion, before]");
            assertThat(locked.keys()).isEmpty();
        });
    }

    @Test
    void lockAcquiredByTheOuterBeanSpansTheInnerTransaction() {
        runner.run(context -> {
            Locked locked = new Locked(context);
            context.getBean(Inner.class).during(() -> onCompletion(() -> locked.note("completion")));
            context.getBean(Outer.class).lockedThenTransactional("o");
            assertThat(locked.notes()).containsExactly("completion: [o]");
            assertThat(locked.keys()).isEmpty();
        });
    }

    private void run(Body test, String... properties) {
        runner.withPropertyValues(properties)
                .run(context -> test.on(context.getBean(Inner.class), new Locked(context)));
    }

    private static void onCompletion(Runnable action) {
        TransactionSynchronizationManager.registerSynchronization(new TransactionSynchronization() {
            @Override
            public void afterCommit() {
                action.run();
            }
        });
    }

    interface Body {
        void on(Inner inner, Locked locked) throws Exception;
    }

    /** The locked methods and the transactions around them. */
    static class Locked {

        private final KeyedLockerRegistry lockers;
        private final PlatformTransactionManager transactions;
        private final List<String> notes = new ArrayList<>();

        Locked(ApplicationContext context) {
            lockers = context.getBean(KeyedLockerRegistry.class);
            transactions = context.getBean(PlatformTransactionManager.class);
        }

        List<Object> keys() {
            return lockers.names().stream()
                    .flatMap(name -> lockers.<Object>get(name).activeKeys().stream())
                    .toList();
        }

        void awaitWaiter() {
            org.awaitility.Awaitility.await()
                    .atMost(Duration.ofMinutes(1))
                    .until(() -> lockers.names().stream()
                            .flatMap(name -> lockers.<Object>get(name).snapshot().stream())
                            .anyMatch(key -> !key.waiters().isEmpty()));
        }

        void note(String moment) {
            notes.add(moment + ": " + keys());
        }

        List<String> notes() {
            return notes;
        }

        void inTransaction(Runnable body) {
            run(body, template -> {});
        }

        void inNewTransaction(Runnable body) {
            run(body, template -> template.setPropagationBehavior(TransactionTemplate.PROPAGATION_REQUIRES_NEW));
        }

        void inNestedTransaction(Runnable body) {
            run(body, template -> template.setPropagationBehavior(TransactionTemplate.PROPAGATION_NESTED));
        }

        void withoutTransaction(Runnable body) {
            run(body, template -> template.setPropagationBehavior(TransactionTemplate.PROPAGATION_SUPPORTS));
        }

        private void run(Runnable body, Consumer<TransactionTemplate> customizer) {
            TransactionTemplate template = new TransactionTemplate(transactions);
            customizer.accept(template);
            template.executeWithoutResult(status -> body.run());
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableTransactionManagement
    static class Transactions {

        @Bean
        DriverManagerDataSource dataSource() {
            return new DriverManagerDataSource("jdbc:h2:mem:transactions;DB_CLOSE_DELAY=-1", "sa", "");
        }

        @Bean
        DataSourceTransactionManager transactionManager(DriverManagerDataSource dataSource) {
            return new DataSourceTransactionManager(dataSource);
        }

        @Bean
        JdbcTemplate jdbc(DriverManagerDataSource dataSource) {
            return new JdbcTemplate(dataSource);
        }
    }

    static class Inner {

        private Runnable hook = () -> {};

        void during(Runnable hook) {
            this.hook = hook;
        }

        @KeyedLock(key = "#id")
        public void plain(String id) {
            hook.run();
        }

        @KeyedLock(key = "#id")
        @Transactional
        public void transactional(String id) {
            hook.run();
        }

        @KeyedLock(key = "#id")
        @Transactional(propagation = Propagation.REQUIRES_NEW)
        public void requiresNew(String id) {
            hook.run();
        }

        @KeyedLock(key = "#id")
        public void failing(String id) {
            throw new IllegalStateException("in the body");
        }

        @KeyedLock(key = "#id", release = KeyedLock.Release.ON_RETURN)
        public void onReturn(String id) {
            hook.run();
        }

        @KeyedLock(key = "#id", release = KeyedLock.Release.AFTER_TRANSACTION)
        public void afterTransaction(String id) {
            hook.run();
        }

        @KeyedLock(keys = "{#one, #other}")
        public void several(String one, String other) {
            hook.run();
        }

        @Transactional
        public void onlyTransactional() {
            hook.run();
        }
    }

    static class Outer {

        private final Inner inner;
        private final ApplicationEventPublisher events;

        Outer(Inner inner, ApplicationEventPublisher events) {
            this.inner = inner;
            this.events = events;
        }

        public void publish() {
            events.publishEvent(new Shipped());
        }

        @KeyedLock(key = "#id")
        public void lockedThenTransactional(String id) {
            inner.onlyTransactional();
        }
    }

    record Shipped() {}

    static class Listener {

        private Locked locked;

        void locked(Locked locked) {
            this.locked = locked;
        }

        @KeyedLock(key = "'before'")
        @TransactionalEventListener(phase = TransactionPhase.BEFORE_COMMIT)
        public void beforeCommit(Shipped event) {
            locked.note("before commit");
        }

        @KeyedLock(key = "'after'")
        @Order(1)
        @TransactionalEventListener
        public void afterCommit(Shipped event) {
            locked.note("after commit");
        }

        @KeyedLock(key = "'completion'")
        @Order(2)
        @TransactionalEventListener(phase = TransactionPhase.AFTER_COMPLETION)
        public void afterCompletion(Shipped event) {
            locked.note("after completion");
        }
    }
}
