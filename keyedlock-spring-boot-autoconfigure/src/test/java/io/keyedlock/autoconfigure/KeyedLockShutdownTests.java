// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Scope;
import org.springframework.context.annotation.ScopedProxyMode;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.EnableAsync;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** An application that stops with work in flight in all its parts, held until the stop has begun. */
@ExtendWith(OutputCaptureExtension.class)
@SuppressWarnings("try") // the permit is only held
class KeyedLockShutdownTests {

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void workInFlightEndsBeforeItsDependenciesAreClosed(boolean virtualThreads, CapturedOutput output)
            throws Exception {
        assumeTrue(!virtualThreads || Runtime.version().feature() >= 21, "no virtual threads on this JDK");
        ConfigurableApplicationContext context = new SpringApplicationBuilder(Application.class)
                .logStartupInfo(false)
                .properties(
                        "server.port=0",
                        "server.shutdown=graceful",
                        "spring.main.web-application-type=servlet",
                        "spring.threads.virtual.enabled=" + virtualThreads,
                        "keyedlock.locks.orders.limit=1",
                        "keyedlock.shutdown.reject-new=true")
                .run();
        Work work = context.getBean(Work.class);
        String address = "http://localhost:" + context.getEnvironment().getProperty("local.server.port");
        HttpClient client = HttpClient.newHttpClient();
        CompletableFuture<HttpResponse<String>> blocking = get(client, address + "/blocking");
        CompletableFuture<HttpResponse<String>> async = get(client, address + "/async");
        context.getBean(TaskScheduler.class).schedule(() -> work.untilStop("scheduled"), java.time.Instant.now());
        context.getBean(AsyncWork.class).run(virtualThreads);
        new Thread(() -> work.untilDrain("plain thread")).start();
        await().atMost(Duration.ofMinutes(1)).until(() -> work.locker.activeKeyCount() == 5);

        context.close();

        assertThat(work.doneWhenDataWasGone)
                .containsExactlyInAnyOrder("blocking", "async", "scheduled", "@Async", "plain thread");
        assertThat(blocking.join().statusCode()).isEqualTo(200);
        assertThat(async.join().statusCode()).isEqualTo(200);
        assertThat(output).doesNotContain("Keys are still in use");
    }

    @Test
    void aHolderThatNeverEndsIsNamedAndDoesNotPreventShutdown(CapturedOutput output) {
        contexts.withPropertyValues(
                        "keyedlock.locks.orders.limit=1",
                        "keyedlock.shutdown.await-idle=10ms",
                        // The hold outlives this test and would be reported during others.
                        "keyedlock.long-hold.threshold=0")
                .run(context -> {
                    KeyedLocker<String> orders = locker(context);
                    orders.acquire("42");
                    CompletableFuture<Permit> waiting = orders.acquireAsync("42");
                    context.close();
                    assertThat(output)
                            .contains("Keys are still in use after PT0.01S")
                            .contains("key '42' of 'orders': held by '"
                                    + Thread.currentThread().getName() + "'");
                    assertThat(waiting).isCompletedExceptionally();
                });
    }

    @Test
    void theDrainRunsAfterExecutorsAndWebServersAndBeforeDataSources() {
        contexts.run(context ->
                assertThat(context.getBean(LockerDrain.class).getPhase()).isEqualTo(Integer.MAX_VALUE / 2 - 512));
        contexts.withPropertyValues("keyedlock.shutdown.phase=7")
                .run(context -> assertThat(context.getBean(LockerDrain.class).getPhase())
                        .isEqualTo(7));
    }

    @Test
    void aRestartedContextAdmitsCallersAgain() {
        contexts.withPropertyValues("keyedlock.locks.orders.limit=1", "keyedlock.shutdown.reject-new=true")
                .run(context -> {
                    KeyedLocker<String> orders = locker(context);
                    context.getSourceApplicationContext(ConfigurableApplicationContext.class)
                            .stop();
                    assertThat(refuses(orders)).isTrue();
                    context.getSourceApplicationContext(ConfigurableApplicationContext.class)
                            .start();
                    assertThat(refuses(orders)).isFalse();
                });
    }

    @Test
    void lockersCreatedAfterTheStopRejectCallersUntilTheNextStart() {
        contexts.withPropertyValues("keyedlock.shutdown.reject-new=true")
                .withBean(
                        "lazy",
                        KeyedLocker.class,
                        () -> KeyedLocker.create(KeyedLockerSettings.defaults().withName("lazy")),
                        definition -> definition.setLazyInit(true))
                .run(context -> {
                    ContextLockers lockers = context.getBean(ContextLockers.class);
                    ConfigurableApplicationContext source =
                            context.getSourceApplicationContext(ConfigurableApplicationContext.class);
                    source.stop();
                    KeyedLocker<String> own = lockers.own("Service.method()", OptionalInt.empty());
                    KeyedLocker<String> lazy = lockers.get("lazy");
                    assertThat(refuses(own)).isTrue();
                    assertThat(refuses(lazy)).isTrue();
                    source.start();
                    assertThat(refuses(own)).isFalse();
                    assertThat(refuses(lazy)).isFalse();
                    assertThat(refuses(lockers.own("Service.other()", OptionalInt.empty())))
                            .isFalse();
                });
    }

    @Test
    void aLockerOfAnInactiveScopeAffectsNeitherStartNorStop(CapturedOutput output) {
        new WebApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        KeyedLockAutoConfiguration.class, KeyedLockShutdownAutoConfiguration.class))
                .withPropertyValues("keyedlock.shutdown.reject-new=true", "keyedlock.locks.orders.limit=1")
                .withUserConfiguration(OfSession.class)
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    // Listed as a locker once it is used.
                    assertThat(context.getBean("ofSession")).isInstanceOf(KeyedLocker.class);
                    context.getSourceApplicationContext().stop();
                    assertThat(refuses(locker(context))).isTrue();
                    context.getSourceApplicationContext().start();
                    assertThat(refuses(locker(context))).isFalse();
                });
        assertThat(output).doesNotContain("failed");
    }

    @Configuration(proxyBeanMethods = false)
    static class OfSession {

        @Bean
        @Scope(scopeName = "session", proxyMode = ScopedProxyMode.INTERFACES)
        KeyedLocker<String> ofSession() {
            return KeyedLocker.create(KeyedLockerSettings.defaults().withName("ofSession"));
        }
    }

    @Test
    void aStartDuringTheLastPassOfADrainTakesPrecedence() throws Exception {
        KeyedLocker<String> orders = KeyedLocker.create(KeyedLockerSettings.defaults());
        CountDownLatch passing = new CountDownLatch(1);
        CompletableFuture<Void> startedAgain = new CompletableFuture<>();
        Supplier<Map<String, KeyedLocker<?>>> lockers = () -> {
            if (Thread.currentThread().getName().equals("keyedlock-drain")) {
                passing.countDown();
                // Unlike a latch, this ignores an interrupt of the thread.
                startedAgain.join();
            }
            return Map.of("orders", orders);
        };
        LockerDrain drain = new LockerDrain(
                lockers, new KeyedLockProperties.Shutdown(Duration.ofMinutes(1), true, 0), true, Duration.ofMinutes(1));
        drain.start();
        CountDownLatch stopped = new CountDownLatch(1);
        drain.stop(stopped::countDown);
        assertThat(passing.await(1, TimeUnit.MINUTES)).isTrue();

        drain.start();
        startedAgain.complete(null);

        assertThat(stopped.await(1, TimeUnit.MINUTES)).isTrue();
        assertThat(refuses(orders)).isFalse();
        assertThat(drain.isRunning()).isTrue();
        drain.stop();
        assertThat(refuses(orders)).isTrue();
        assertThat(drain.isRunning()).isFalse();
    }

    @Test
    void warnsOfAWaitThatIsLongerThanThePhase(CapturedOutput output) {
        contexts.withPropertyValues(
                        "keyedlock.shutdown.await-idle=10s", "spring.lifecycle.timeout-per-shutdown-phase=5s")
                .run(context ->
                        assertThat(output).contains("await-idle is PT10S").contains("PT5S"));
    }

    @Test
    void noDrainIfKeyedlockIsDisabled() {
        contexts.withPropertyValues("keyedlock.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(LockerDrain.class));
    }

    private final ApplicationContextRunner contexts = new ApplicationContextRunner()
            .withConfiguration(
                    AutoConfigurations.of(KeyedLockAutoConfiguration.class, KeyedLockShutdownAutoConfiguration.class));

    private static CompletableFuture<HttpResponse<String>> get(HttpClient client, String address) {
        return client.sendAsync(
                HttpRequest.newBuilder(URI.create(address)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static boolean refuses(KeyedLocker<String> locker) {
        try {
            locker.tryAcquire("probe").ifPresent(Permit::close);
            return false;
        } catch (KeyedLockerClosedException e) {
            return true;
        }
    }

    @SuppressWarnings("unchecked")
    private static KeyedLocker<String> locker(org.springframework.context.ApplicationContext context) {
        return context.getBean("orders", KeyedLocker.class);
    }

    /** Tasks that hold a key until the application stops. */
    static final class Work implements SmartLifecycle, DisposableBean {

        private final KeyedLocker<String> locker;
        private final CountDownLatch stopping = new CountDownLatch(1);
        private final Set<String> done = ConcurrentHashMap.newKeySet();
        private volatile Set<String> doneWhenDataWasGone = Set.of();
        private volatile boolean running;

        Work(KeyedLocker<String> locker) {
            this.locker = locker;
        }

        String untilStop(String name) {
            return hold(name, () -> {
                stopping.await();
                return name;
            });
        }

        String untilDrain(String name) {
            return hold(name, () -> {
                await().atMost(Duration.ofMinutes(1))
                        .until(() -> CompletableFuture.supplyAsync(() -> refuses(locker))
                                .join());
                return name;
            });
        }

        private String hold(String name, Callable<String> task) {
            try (Permit permit = locker.acquire(name)) {
                String result = task.call();
                done.add(name);
                return result;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void start() {
            running = true;
        }

        @Override
        public void stop() {
            running = false;
            stopping.countDown();
        }

        @Override
        public boolean isRunning() {
            return running;
        }

        @Override
        public int getPhase() {
            return Integer.MAX_VALUE;
        }

        @Override
        public void destroy() {
            doneWhenDataWasGone = Set.copyOf(done);
        }
    }

    static class AsyncWork {

        private final Work work;

        AsyncWork(Work work) {
            this.work = work;
        }

        /** Executors of platform threads are awaited before the drain, those of virtual threads by the drain alone. */
        @Async
        public void run(boolean virtualThreads) {
            if (virtualThreads) {
                work.untilDrain("@Async");
            } else {
                work.untilStop("@Async");
            }
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    @EnableAsync
    @EnableScheduling
    static class Application {

        @Bean
        Work work(KeyedLocker<String> orders) {
            return new Work(orders);
        }

        @Bean
        AsyncWork asyncWork(Work work) {
            return new AsyncWork(work);
        }

        @Bean
        Requests requests(Work work) {
            return new Requests(work);
        }
    }

    @RestController
    static class Requests {

        private final Work work;

        Requests(Work work) {
            this.work = work;
        }

        @GetMapping("/blocking")
        String blocking() {
            return work.untilStop("blocking");
        }

        @GetMapping("/async")
        CompletableFuture<String> async() {
            return work.locker.acquireAsync("async").thenApplyAsync(permit -> {
                try (permit) {
                    work.stopping.await();
                    work.done.add("async");
                    return "async";
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
        }
    }
}
