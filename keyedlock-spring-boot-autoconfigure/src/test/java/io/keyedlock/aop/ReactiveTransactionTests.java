// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLockerListener;
import io.keyedlock.annotation.KeyedLock;
import io.r2dbc.h2.H2ConnectionFactory;
import io.r2dbc.spi.ConnectionFactory;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.r2dbc.connection.R2dbcTransactionManager;
import org.springframework.r2dbc.core.DatabaseClient;
import org.springframework.transaction.ReactiveTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.reactive.AbstractReactiveTransactionManager;
import org.springframework.transaction.reactive.GenericReactiveTransaction;
import org.springframework.transaction.reactive.TransactionSynchronizationManager;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** The lock outside a reactive transaction: the key is free after the commit, not before. */
class ReactiveTransactionTests {

    private static final Duration LONG = Duration.ofSeconds(60);

    @Test
    void transactionsEndBeforeTheRelease() {
        Contexts.runner().withUserConfiguration(Recording.class).run(context -> {
            Events events = context.getBean(Events.class);
            Service service = context.getBean(Service.class);
            service.one("a", Mono.just("value"))
                    .doOnNext(value -> events.add("value"))
                    .block(LONG);
            assertThat(events).containsExactly("acquired a", "begin", "body", "commit", "released a", "value");
            events.clear();
            service.one("a", Mono.error(new IllegalStateException("no")))
                    .onErrorComplete()
                    .block(LONG);
            assertThat(events).containsExactly("acquired a", "begin", "body", "rollback", "released a");
            events.clear();
            service.many("a").doOnComplete(() -> events.add("complete")).blockLast(LONG);
            assertThat(events).containsExactly("acquired a", "begin", "body", "commit", "released a", "complete");
        });
    }

    @Test
    void changesOfARowAreNotLost() {
        Contexts.runner().withUserConfiguration(Database.class).run(context -> {
            Scores scores = context.getBean(Scores.class);
            Flux.range(0, 40)
                    .flatMap(i -> scores.add("a", 1).subscribeOn(Schedulers.parallel()), 40)
                    .blockLast(LONG);
            assertThat(scores.of("a").block(LONG)).isEqualTo(40);
        });
    }

    static final class Events extends CopyOnWriteArrayList<String> {}

    @Configuration(proxyBeanMethods = false)
    @EnableTransactionManagement
    static class Recording {

        @Bean
        Events events() {
            return new Events();
        }

        @Bean
        KeyedLockerListener listener(Events events) {
            return new KeyedLockerListener() {
                @Override
                public void acquired(Object key, Duration waited) {
                    events.add("acquired " + key);
                }

                @Override
                public void released(Object key, Duration held) {
                    events.add("released " + key);
                }
            };
        }

        @Bean
        ReactiveTransactionManager transactionManager(Events events) {
            return new RecordingManager(events);
        }

        @Bean
        Service service(Events events) {
            return new Service(events);
        }
    }

    static final class RecordingManager extends AbstractReactiveTransactionManager {

        private final transient List<String> events;

        RecordingManager(List<String> events) {
            this.events = events;
        }

        @Override
        protected Object doGetTransaction(TransactionSynchronizationManager synchronizations) {
            return new Object();
        }

        @Override
        protected Mono<Void> doBegin(
                TransactionSynchronizationManager synchronizations,
                Object transaction,
                TransactionDefinition definition) {
            return later("begin");
        }

        @Override
        protected Mono<Void> doCommit(
                TransactionSynchronizationManager synchronizations, GenericReactiveTransaction status) {
            return later("commit");
        }

        @Override
        protected Mono<Void> doRollback(
                TransactionSynchronizationManager synchronizations, GenericReactiveTransaction status) {
            return later("rollback");
        }

        private Mono<Void> later(String event) {
            return Mono.delay(Duration.ofMillis(1))
                    .doOnNext(tick -> events.add(event))
                    .then();
        }
    }

    static class Service {

        private final Events events;

        Service(Events events) {
            this.events = events;
        }

        @KeyedLock(key = "#key")
        @Transactional
        Mono<String> one(String key, Mono<String> body) {
            return Mono.fromRunnable(() -> events.add("body")).then(body);
        }

        @KeyedLock(key = "#key")
        @Transactional
        Flux<Integer> many(String key) {
            return Mono.fromRunnable(() -> events.add("body")).thenMany(Flux.range(1, 3));
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableTransactionManagement
    static class Database {

        @Bean
        ConnectionFactory connectionFactory() {
            return H2ConnectionFactory.inMemory(UUID.randomUUID().toString());
        }

        @Bean
        DatabaseClient database(ConnectionFactory factory) {
            DatabaseClient client = DatabaseClient.create(factory);
            client.sql("create table score (address varchar(20) primary key, points int)")
                    .then()
                    .then(client.sql("insert into score values ('a', 0)").then())
                    .block(LONG);
            return client;
        }

        @Bean
        ReactiveTransactionManager transactionManager(ConnectionFactory factory) {
            return new R2dbcTransactionManager(factory);
        }

        @Bean
        Scores scores(DatabaseClient database) {
            return new Scores(database);
        }
    }

    static class Scores {

        private final DatabaseClient database;

        Scores(DatabaseClient database) {
            this.database = database;
        }

        Mono<Integer> of(String address) {
            return database.sql("select points from score where address = :address")
                    .bind("address", address)
                    .map(row -> row.get(0, Integer.class))
                    .one();
        }

        @KeyedLock(key = "#address")
        @Transactional
        Mono<Long> add(String address, int severity) {
            return of(address)
                    .flatMap(points -> database.sql("update score set points = :points where address = :address")
                            .bind("points", points + severity)
                            .bind("address", address)
                            .fetch()
                            .rowsUpdated());
        }
    }
}
