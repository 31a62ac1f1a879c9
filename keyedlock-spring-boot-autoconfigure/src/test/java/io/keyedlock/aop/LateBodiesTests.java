// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import io.micrometer.context.ContextRegistry;
import io.micrometer.context.ThreadLocalAccessor;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.aspectj.lang.JoinPoint;
import org.aspectj.lang.annotation.Aspect;
import org.aspectj.lang.annotation.Before;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.reactivestreams.Subscription;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.EnableAsync;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Bodies that start after the advice has returned, and failures before they start. */
class LateBodiesTests {

    /** The kind of result of a method. */
    enum Kind {
        STAGE {
            @Override
            CompletableFuture<String> call(Service service, String key) {
                return service.stage(key);
            }
        },
        MONO {
            @Override
            CompletableFuture<String> call(Service service, String key) {
                return service.mono(key).toFuture();
            }
        },
        INNER_MONO {
            @Override
            CompletableFuture<String> call(Service service, String key) {
                return service.around("outer of " + key, service.mono(key)).toFuture();
            }
        };

        abstract CompletableFuture<String> call(Service service, String key);
    }

    // ---- aspects

    @ParameterizedTest
    @EnumSource
    void anAspectInterceptsACallThatWaited(Kind kind) {
        with(WatchedCalls.class, (service, locker, calls) -> {
            CompletableFuture<String> result;
            try (Permit held = locker.acquireAsync("a").join()) {
                assertThat(held).isNotNull();
                result = kind.call(service, "a");
                assertThat(result).isNotDone();
            }
            assertThat(result.get(60, TimeUnit.SECONDS)).isEqualTo("ran a");
            assertThat(calls.seen()).last().isEqualTo((kind == Kind.STAGE ? "stage" : "mono") + "[a]");
        });
    }

    @Test
    void anAspectInterceptsANestedSubscription() {
        with(WatchedCalls.class, (service, locker, calls) -> {
            assertThat(service.blocking(service.mono("a"))).isEqualTo("ran a");
            assertThat(service.mono("b").block()).isEqualTo("ran b");
            assertThat(calls.seen()).last().isEqualTo("mono[b]");
            assertThat(calls.seen()).contains("mono[a]").hasSize(3);
        });
    }

    // ---- the caller's context

    @ParameterizedTest
    @EnumSource
    void aContextThatCannotBeRestoredFailsTheCallAndFreesTheKey(Kind kind) {
        // Without a value of the caller, setValue() is called, which is unsupported.
        broken(new Accessor(), kind);
    }

    @ParameterizedTest
    @EnumSource
    void aContextThatCannotBeCapturedFailsTheCallAndLeavesTheQueue(Kind kind) {
        broken(
                new Accessor() {
                    @Override
                    public String getValue() {
                        throw new IllegalStateException("no value now");
                    }

                    @Override
                    public void setValue() {}
                },
                kind);
    }

    /** An accessor of a value that no thread has. */
    private static class Accessor implements ThreadLocalAccessor<String> {

        @Override
        public Object key() {
            return "broken";
        }

        @Override
        public @Nullable String getValue() {
            return null;
        }

        @Override
        public void setValue(String value) {}
    }

    private void broken(ThreadLocalAccessor<String> accessor, Kind kind) {
        with(Object.class, (service, locker, none) -> {
            CompletableFuture<String> result;
            Permit held = locker.acquireAsync("a").join();
            ContextRegistry.getInstance().registerThreadLocalAccessor(accessor);
            try {
                result = kind.call(service, "a");
                held.close();
                assertThatThrownBy(() -> result.get(60, TimeUnit.SECONDS)).isNotNull();
                assertThat(result).isCompletedExceptionally();
            } finally {
                ContextRegistry.getInstance().removeThreadLocalAccessor("broken");
            }
            Bodies.until(() -> locker.activeKeyCount() == 0);
            assertThat(service.ran()).isEmpty();
        });
    }

    // ---- cancelled between the grant and the body

    @Test
    void aSubscriptionCancelledBeforeItsTaskRunsFreesTheKeyAtOnce() {
        Contexts.runner(Service.class)
                .withBean("queue", Queue.class)
                .withPropertyValues("keyedlock.locks.shared.limit=1", "keyedlock.executor=queue")
                .run(context -> {
                    Service service = context.getBean(Service.class);
                    Queue tasks = context.getBean(Queue.class);
                    KeyedLocker<Object> locker =
                            context.getBean(KeyedLockerRegistry.class).get("shared");
                    Permit held = locker.acquireAsync("a").join();
                    Disposable subscription = service.mono("a").subscribe();
                    held.close();
                    assertThat(tasks.waiting).hasSize(1);
                    assertThat(locker.isActive("a")).isTrue();
                    subscription.dispose();
                    assertThat(locker.isActive("a")).isFalse();
                    tasks.waiting.remove().run();
                    assertThat(service.ran()).isEmpty();
                });
    }

    @Test
    void aFutureCancelledBeforeItsTaskRunsFreesTheKeyAtOnce() {
        Contexts.runner(Service.class)
                .withBean("queue", Queue.class)
                .withPropertyValues("keyedlock.locks.shared.limit=1", "keyedlock.executor=queue")
                .run(context -> {
                    Service service = context.getBean(Service.class);
                    Queue tasks = context.getBean(Queue.class);
                    KeyedLocker<Object> locker =
                            context.getBean(KeyedLockerRegistry.class).get("shared");
                    Permit held = locker.acquireAsync("a").join();
                    CompletableFuture<String> result = service.stage("a");
                    held.close();
                    assertThat(tasks.waiting).hasSize(1);
                    assertThat(locker.isActive("a")).isTrue();
                    assertThat(result.cancel(false)).isTrue();
                    assertThat(locker.isActive("a")).isFalse();
                    tasks.waiting.remove().run();
                    assertThat(service.ran()).isEmpty();
                });
    }

    @Test
    void cancellingACompletedCallDoesNotReleaseTheKeyOfANestedCall() {
        with(Object.class, (service, locker, none) -> {
            Permit held = locker.acquireAsync("a").join();
            Sinks.One<String> gate = Sinks.one();
            Mono<String> outer = Mono.deferContextual(context -> {
                service.around("a", gate.asMono()).contextWrite(context).subscribe();
                return Mono.just("outer");
            });
            Ended ended = new Ended();
            service.around("a", outer).subscribe(ended);
            held.close();
            ended.completed.get(60, TimeUnit.SECONDS);
            ended.subscription().cancel();
            assertThat(locker.isActive("a")).isTrue();
            gate.tryEmitValue("inner");
            assertThat(locker.isActive("a")).isFalse();
        });
    }

    /** A subscriber that can cancel after completion, unlike those of Reactor. */
    private static final class Ended implements CoreSubscriber<String> {

        private final CompletableFuture<Void> completed = new CompletableFuture<>();

        private volatile @Nullable Subscription subscription;

        Subscription subscription() {
            Subscription known = subscription;
            assertThat(known).isNotNull();
            return known;
        }

        @Override
        public void onSubscribe(Subscription subscription) {
            this.subscription = subscription;
            subscription.request(1);
        }

        @Override
        public void onNext(String value) {}

        @Override
        public void onError(Throwable failure) {
            completed.completeExceptionally(failure);
        }

        @Override
        public void onComplete() {
            completed.complete(null);
        }
    }

    // ---- @Async

    @Test
    void anInterruptedTaskKeepsTheKeyUntilItsFutureHasCompleted() {
        with(Object.class, (service, locker, none) -> {
            CompletableFuture<String> work = new CompletableFuture<>();
            Future<String> result = service.async("a", work);
            Bodies.until(() -> service.ran().contains("async a"));
            Thread task = service.task();
            Bodies.until(() -> task.getState() == Thread.State.WAITING);
            result.cancel(true);
            // The interrupt has been handled once the thread waits again.
            Bodies.until(() -> !task.isInterrupted() && task.getState() == Thread.State.WAITING);
            assertThat(locker.isActive("a")).isTrue();
            work.complete("done");
            Bodies.until(() -> !locker.isActive("a"));
        });
    }

    // ---- the scene

    private <B> void with(Class<B> other, Check<B> check) {
        Contexts.runner(Service.class, other)
                .withUserConfiguration(Tasks.class)
                .withPropertyValues("keyedlock.locks.shared.limit=1")
                .run(context -> {
                    KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
                    B bean = other == Object.class ? other.cast(new Object()) : context.getBean(other);
                    check.on(context.getBean(Service.class), lockers.get("shared"), bean);
                    Bodies.awaitIdle(lockers);
                });
    }

    private interface Check<B> {
        void on(Service service, KeyedLocker<Object> locker, B other) throws Exception;
    }

    @EnableAsync
    @Configuration(proxyBeanMethods = false)
    static class Tasks {

        @Bean
        SimpleAsyncTaskExecutor taskExecutor() {
            return new SimpleAsyncTaskExecutor("task-");
        }
    }

    /** An executor whose tasks the test runs. */
    static final class Queue implements Executor {

        private final LinkedBlockingQueue<Runnable> waiting = new LinkedBlockingQueue<>();

        @Override
        public void execute(Runnable task) {
            waiting.add(task);
        }
    }

    @Aspect
    static class WatchedCalls {

        private final List<String> seen = new CopyOnWriteArrayList<>();

        List<String> seen() {
            return seen;
        }

        @Before("execution(* stage(..)) || execution(* mono(..)) || execution(* blocking(..))")
        void see(JoinPoint call) {
            Object[] arguments = call.getArgs();
            seen.add(
                    call.getSignature().getName() + (arguments[0] instanceof String ? Arrays.toString(arguments) : ""));
        }
    }

    static class Service {

        private final List<String> ran = new CopyOnWriteArrayList<>();

        private volatile @Nullable Thread task;

        List<String> ran() {
            return ran;
        }

        Thread task() {
            Thread known = task;
            assertThat(known).isNotNull();
            return known;
        }

        private String run(String key) {
            ran.add(key);
            return "ran " + key;
        }

        @KeyedLock(name = "shared", key = "#key")
        public CompletableFuture<String> stage(String key) {
            return CompletableFuture.completedFuture(run(key));
        }

        @KeyedLock(name = "shared", key = "#key")
        public Mono<String> mono(String key) {
            return Mono.just(run(key));
        }

        @KeyedLock(name = "shared", key = "#key")
        public Mono<String> around(String key, Mono<String> inner) {
            return inner;
        }

        public String blocking(Mono<String> publisher) {
            Supplier<String> result = publisher::block;
            return result.get();
        }

        @Async
        @KeyedLock(name = "shared", key = "#key")
        public Future<String> async(String key, CompletableFuture<String> work) {
            task = Thread.currentThread();
            ran.add("async " + key);
            return work;
        }
    }
}
