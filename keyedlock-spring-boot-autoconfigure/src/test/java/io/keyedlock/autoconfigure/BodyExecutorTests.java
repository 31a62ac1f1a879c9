// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.keyedlock.annotation.KeyedLock;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.EnableAsync;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** The threads of asynchronous bodies that waited, in an application without a configured executor. */
class BodyExecutorTests {

    private static final int JOBS = 100;

    private static final InheritableThreadLocal<String> USER = new InheritableThreadLocal<>();

    /** All threads of {@code @Async} wait for keys, so the holders need other threads. */
    @Test
    void asyncJobsThatJoinLockedFuturesDoNotStarveThem() {
        run(context -> {
            Jobs jobs = context.getBean(Jobs.class);
            List<CompletableFuture<String>> all = IntStream.range(0, JOBS)
                    .mapToObj(i -> jobs.join("key-" + i % 4))
                    .toList();
            for (int i = 0; i < JOBS; i++) {
                assertThat(all.get(i).get(60, TimeUnit.SECONDS)).isEqualTo("key-" + i % 4);
            }
        });
    }

    @Test
    void blockedElasticThreadsDoNotStarveLockedPublishers() {
        run(context -> {
            Work work = context.getBean(Work.class);
            int jobs = 10 * Runtime.getRuntime().availableProcessors() + 10;
            List<CompletableFuture<String>> all = IntStream.range(0, jobs)
                    .mapToObj(i -> Mono.fromCallable(
                                    () -> work.publish("key-" + i % 4).block())
                            .subscribeOn(Schedulers.boundedElastic())
                            .toFuture())
                    .toList();
            for (int i = 0; i < jobs; i++) {
                assertThat(all.get(i).get(60, TimeUnit.SECONDS)).isEqualTo("key-" + i % 4);
            }
        });
    }

    @Test
    void aThreadOfABodyInheritsNothingFromTheReleasingThread() {
        run(BodyExecutorTests::assertThreadOfItsOwn);
    }

    @Test
    void bodiesRunOnVirtualThreadsIfTheApplicationDoes() {
        assumeTrue(Runtime.version().feature() >= 21, "no virtual threads on this JDK");
        run(
                context -> {
                    Body body = assertThreadOfItsOwn(context);
                    assertThat(Thread.class.getMethod("isVirtual").invoke(body.thread()))
                            .isEqualTo(true);
                },
                "spring.threads.virtual.enabled=true");
    }

    private static Body assertThreadOfItsOwn(ConfigurableApplicationContext context) throws Exception {
        Work work = context.getBean(Work.class);
        CompletableFuture<Body> first = new CompletableFuture<>();
        work.run("42", () -> first);
        CompletableFuture<Body> second = work.run("42", () -> CompletableFuture.completedFuture(Body.current()));
        assertThat(second).isNotDone();
        CountDownLatch released = new CountDownLatch(1);
        Thread releasing = new Thread(() -> {
            USER.set("mallory");
            Thread.currentThread().setContextClassLoader(null);
            first.complete(Body.current());
            released.countDown();
        });
        releasing.start();
        assertThat(released.await(60, TimeUnit.SECONDS)).isTrue();
        Body body = second.get(60, TimeUnit.SECONDS);
        assertThat(body.thread().getName()).startsWith("keyedlock-body-");
        assertThat(body.thread().isDaemon()).isTrue();
        assertThat(body.user()).isNull();
        assertThat(body.loader()).isSameAs(context.getBeanFactory().getBeanClassLoader());
        return body;
    }

    private static void run(Check check, String... properties) {
        try (ConfigurableApplicationContext context = new SpringApplicationBuilder(Application.class)
                .web(WebApplicationType.NONE)
                .logStartupInfo(false)
                .properties(properties)
                .run()) {
            check.on(context);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private interface Check {
        void on(ConfigurableApplicationContext context) throws Exception;
    }

    /** The context of the thread of a body. */
    record Body(
            Thread thread,
            @org.jspecify.annotations.Nullable String user,
            ClassLoader loader) {

        static Body current() {
            Thread thread = Thread.currentThread();
            return new Body(thread, USER.get(), thread.getContextClassLoader());
        }
    }

    static class Work {

        @KeyedLock(key = "#key")
        public CompletableFuture<String> send(String key) {
            return CompletableFuture.supplyAsync(
                    () -> key, CompletableFuture.delayedExecutor(1, TimeUnit.MILLISECONDS));
        }

        @KeyedLock(key = "#key")
        public Mono<String> publish(String key) {
            return Mono.fromFuture(() -> send(key));
        }

        @KeyedLock(key = "#key")
        public CompletableFuture<Body> run(String key, Supplier<CompletableFuture<Body>> body) {
            return body.get();
        }
    }

    static class Jobs {

        private final Work work;

        Jobs(Work work) {
            this.work = work;
        }

        @Async
        public CompletableFuture<String> join(String key) {
            return CompletableFuture.completedFuture(work.send(key).join());
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    @EnableAsync
    static class Application {

        @Bean
        Work work() {
            return new Work();
        }

        @Bean
        Jobs jobs(Work work) {
            return new Jobs(work);
        }
    }
}
