// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.annotation.KeyedLock;
import io.micrometer.context.ContextRegistry;
import io.micrometer.context.integration.Slf4jThreadLocalAccessor;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.MDC;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.security.authentication.TestingAuthenticationToken;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.transaction.support.TransactionTemplate;
import reactor.core.publisher.Mono;

/** Bodies that waited have the context of their caller, not that of the releasing thread. */
class BodyContextTests {

    private static final ObservationRegistry OBSERVATIONS = ObservationRegistry.create();

    @BeforeEach
    void register() {
        ContextRegistry.getInstance().registerThreadLocalAccessor(new Slf4jThreadLocalAccessor());
        OBSERVATIONS.observationConfig().observationHandler(context -> true);
    }

    @AfterEach
    void forget() {
        ContextRegistry.getInstance().removeThreadLocalAccessor(Slf4jThreadLocalAccessor.KEY);
        MDC.clear();
        SecurityContextHolder.clearContext();
    }

    @Test
    void bodyOfAStageThatWaitedHasTheContextOfItsCaller() {
        Contexts.runner(Service.class)
                .withUserConfiguration(OneThread.class)
                .withPropertyValues("keyedlock.executor=bodies")
                .run(context -> {
                    Service service = context.getBean(Service.class);
                    ExecutorService executor = context.getBean(ExecutorService.class);
                    CompletableFuture<String> gate = new CompletableFuture<>();
                    service.send("a", gate);
                    CompletableFuture<String> second =
                            as("alice", () -> service.send("a", CompletableFuture.completedFuture("done")));
                    CompletableFuture<String> third = service.send("a", CompletableFuture.completedFuture("done"));
                    as("mallory", () -> gate.complete("done"));
                    second.get(60, TimeUnit.SECONDS);
                    third.get(60, TimeUnit.SECONDS);
                    assertThat(service.seen()).containsExactly("null null null", "alice alice alice", "null null null");
                    assertThat(executor.submit(Service::who).get()).isEqualTo("null null null");
                    assertThat(Service.who()).isEqualTo("null null null");
                });
    }

    @Test
    void bodyOfAPublisherThatWaitedHasTheContextOfItsSubscriber() {
        Contexts.runner(Service.class).run(context -> {
            Service service = context.getBean(Service.class);
            CompletableFuture<String> gate = new CompletableFuture<>();
            service.publish("a", gate).subscribe();
            CompletableFuture<String> second = as(
                    "alice",
                    () -> service.publish("a", CompletableFuture.completedFuture("done"))
                            .toFuture());
            as("mallory", () -> gate.complete("done"));
            second.get(60, TimeUnit.SECONDS);
            assertThat(service.seen()).containsExactly("null null null", "alice alice alice");
        });
    }

    /** The committing thread releases while its connection is bound, so a body there would join the old transaction. */
    @Test
    void bodyThatWaitedForATransactionCommitsItsOwn() {
        Contexts.runner().withUserConfiguration(Database.class).run(context -> {
            JdbcTemplate jdbc = context.getBean(JdbcTemplate.class);
            Scores scores = context.getBean(Scores.class);
            Threats threats = context.getBean(Threats.class);
            CompletableFuture<Integer> second = new CompletableFuture<>();
            context.getBean(TransactionTemplate.class).executeWithoutResult(status -> {
                scores.add("a");
                assertThat(TransactionSynchronizationManager.isActualTransactionActive())
                        .isTrue();
                CompletableFuture.runAsync(() -> threats.add("a").whenComplete((count, failure) -> {
                            if (failure == null) {
                                second.complete(count);
                            } else {
                                second.completeExceptionally(failure);
                            }
                        }))
                        .join();
                assertThat(second).isNotDone();
            });
            assertThat(second.get(60, TimeUnit.SECONDS)).isEqualTo(2);
            assertThat(threats.threads()).doesNotContain(Thread.currentThread());
            assertThat(jdbc.queryForObject("select count(*) from score", Integer.class))
                    .isEqualTo(2);
        });
    }

    private static <T> T as(String user, java.util.concurrent.Callable<T> call) throws Exception {
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            SecurityContextHolder.getContext().setAuthentication(new TestingAuthenticationToken(user, ""));
            MDC.put("user", user);
            Observation observation = Observation.start(user, OBSERVATIONS);
            try (Observation.Scope scope = observation.openScope()) {
                assertThat(scope).isNotNull();
                result.complete(call.call());
            } catch (Throwable e) {
                result.completeExceptionally(e);
            } finally {
                observation.stop();
            }
        });
        thread.start();
        thread.join();
        return result.join();
    }

    static class Service {

        private final List<String> seen = new CopyOnWriteArrayList<>();

        List<String> seen() {
            return seen;
        }

        static String who() {
            Observation observation = OBSERVATIONS.getCurrentObservation();
            var authentication = SecurityContextHolder.getContext().getAuthentication();
            return (authentication == null ? null : authentication.getName()) + " " + MDC.get("user") + " "
                    + (observation == null ? null : observation.getContext().getName());
        }

        @KeyedLock(key = "#key")
        CompletableFuture<String> send(String key, CompletableFuture<String> stage) {
            seen.add(who());
            return stage;
        }

        @KeyedLock(key = "#key")
        Mono<String> publish(String key, CompletableFuture<String> stage) {
            seen.add(who());
            return Mono.fromFuture(stage);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class OneThread {

        @Bean
        ExecutorService bodies() {
            return Executors.newSingleThreadExecutor();
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableTransactionManagement
    static class Database {

        @Bean
        DriverManagerDataSource dataSource() {
            DriverManagerDataSource source = new DriverManagerDataSource(
                    "jdbc:h2:mem:" + System.identityHashCode(this) + ";DB_CLOSE_DELAY=-1", "sa", "");
            new JdbcTemplate(source).execute("create table score (address varchar(20))");
            return source;
        }

        @Bean
        JdbcTemplate jdbc(DriverManagerDataSource source) {
            return new JdbcTemplate(source);
        }

        @Bean
        PlatformTransactionManager transactionManager(DriverManagerDataSource source) {
            return new DataSourceTransactionManager(source);
        }

        @Bean
        TransactionTemplate transactionTemplate(PlatformTransactionManager manager) {
            return new TransactionTemplate(manager);
        }

        @Bean
        Scores scores(JdbcTemplate jdbc) {
            return new Scores(jdbc);
        }

        @Bean
        Threats threats(JdbcTemplate jdbc) {
            return new Threats(jdbc);
        }

        @Bean
        io.keyedlock.KeyedLocker<String> addresses() {
            return io.keyedlock.KeyedLocker.create(
                    io.keyedlock.KeyedLockerSettings.defaults().withName("addresses"));
        }
    }

    static class Scores {

        private final JdbcTemplate jdbc;

        Scores(JdbcTemplate jdbc) {
            this.jdbc = jdbc;
        }

        @KeyedLock(name = "addresses", key = "#address")
        void add(String address) {
            jdbc.update("insert into score values (?)", address);
        }
    }

    static class Threats {

        private final JdbcTemplate jdbc;
        private final List<Thread> threads = new CopyOnWriteArrayList<>();

        Threats(JdbcTemplate jdbc) {
            this.jdbc = jdbc;
        }

        List<Thread> threads() {
            return threads;
        }

        @KeyedLock(name = "addresses", key = "#address")
        @Transactional
        CompletableFuture<Integer> add(String address) {
            threads.add(Thread.currentThread());
            jdbc.update("insert into score values (?)", address);
            return CompletableFuture.completedFuture(jdbc.queryForObject("select count(*) from score", Integer.class));
        }
    }
}
