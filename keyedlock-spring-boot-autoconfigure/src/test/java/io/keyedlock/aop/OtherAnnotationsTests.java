// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.annotation.KeyedLock;
import jakarta.validation.Validator;
import jakarta.validation.executable.ExecutableValidator;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.aopalliance.intercept.MethodInterceptor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.aop.support.DefaultPointcutAdvisor;
import org.springframework.aop.support.annotation.AnnotationMatchingPointcut;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.cache.annotation.Cacheable;
import org.springframework.cache.annotation.EnableCaching;
import org.springframework.cache.concurrent.ConcurrentMapCacheManager;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.retry.annotation.Backoff;
import org.springframework.retry.annotation.EnableRetry;
import org.springframework.retry.annotation.Retryable;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.EnableAsync;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.util.ClassUtils;
import org.springframework.validation.annotation.Validated;
import org.springframework.validation.beanvalidation.MethodValidationPostProcessor;

/** The order of the lock and other advice of Spring. Each statement of the documentation about it has a test here. */
public class OtherAnnotationsTests {

    private final ApplicationContextRunner runner =
            Contexts.runner(Mixed.class).withUserConfiguration(Everything.class);

    @TempDir
    Path directory;

    @Test
    void asyncMethodAcquiresTheLockOnTheThreadOfItsTask() {
        run((mixed, lockers) -> {
            try (Section section = new Section()) {
                mixed.during(section::pass);
                mixed.async("a");
                section.awaitInside(1);
                assertThat(holders(lockers)).singleElement().asString().startsWith("task-");
                mixed.async("a");
                await().atMost(Duration.ofMinutes(1))
                        .until(() -> waiters(lockers).size() == 1);
                assertThat(waiters(lockers)).singleElement().asString().startsWith("task-");
                assertThat(section.entered()).isEqualTo(1);
                section.release(2);
                await().atMost(Duration.ofMinutes(1))
                        .until(() -> section.entered() == 2 && holders(lockers).isEmpty());
            }
        });
    }

    @Test
    void asyncMethodWithAFutureHoldsTheLockUntilThatFutureIsComplete() {
        run((mixed, lockers) -> {
            CompletableFuture<String> inner = new CompletableFuture<>();
            CompletableFuture<String> outer = mixed.asyncFuture(inner);
            await().atMost(Duration.ofMinutes(1)).until(() -> mixed.runs() == 1);
            assertThat(holders(lockers)).singleElement().asString().startsWith("task-");
            assertThat(outer).isNotDone();
            inner.complete("done");
            assertThat(outer.join()).isEqualTo("done");
            assertThat(holders(lockers)).isEmpty();

            Future<String> failing =
                    mixed.asyncPlainFuture(CompletableFuture.failedFuture(new Exception("on purpose")));
            assertThatThrownBy(failing::get).hasRootCauseMessage("on purpose");
            assertThat(holders(lockers)).isEmpty();
        });
    }

    @Test
    void retryRunsInsideOneLockThatIsHeldBetweenAttempts() {
        run((mixed, lockers) -> {
            mixed.during(() -> {
                mixed.note(holders(lockers).size() + " held");
                if (mixed.runs() < 3) {
                    throw new IllegalStateException("again");
                }
            });
            mixed.retried("a");
            assertThat(mixed.notes()).containsExactly("1 held", "1 held", "1 held");
            assertThat(mixed.keysMade()).isEqualTo(1);
            assertThat(holders(lockers)).isEmpty();
        });
    }

    @Test
    void cacheIsReadInsideTheLockSoAValueIsComputedOnceAndHitsWait() {
        run((mixed, lockers) -> {
            try (Section section = new Section()) {
                mixed.during(section::pass);
                CompletableFuture<Object> first = section.start(() -> mixed.cached("a"));
                section.awaitInside(1);
                CompletableFuture<Object> second = section.start(() -> mixed.cached("a"));
                await().atMost(Duration.ofMinutes(1))
                        .until(() -> waiters(lockers).size() == 1);
                section.release(1);
                assertThat(second.join()).isEqualTo(first.join());
                assertThat(section.entered()).isEqualTo(1);
                assertThat(mixed.keysMade()).isEqualTo(2);
            }
        });
    }

    @Validated
    static class Checked {

        @KeyedLock(key = "#id")
        public void ship(String id) {}
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void argumentsAreValidatedUnderTheLockUnlessValidationComesFirst(boolean first) {
        AtomicReference<KeyedLockerRegistry> lockers = new AtomicReference<>();
        List<Boolean> held = new CopyOnWriteArrayList<>();
        ExecutableValidator executables = mock(ExecutableValidator.class);
        when(executables.validateParameters(any(), any(), any(), any(Class[].class)))
                .then(call -> {
                    held.add(!holders(lockers.get()).isEmpty());
                    return Set.of();
                });
        Validator validator = mock(Validator.class);
        when(validator.forExecutables()).thenReturn(executables);
        Contexts.runner(Checked.class)
                .withBean(MethodValidationPostProcessor.class, () -> {
                    MethodValidationPostProcessor processor = new MethodValidationPostProcessor();
                    processor.setValidator(validator);
                    processor.setProxyTargetClass(true);
                    processor.setBeforeExistingAdvisors(first);
                    return processor;
                })
                .run(context -> {
                    lockers.set(context.getBean(KeyedLockerRegistry.class));
                    context.getBean(Checked.class).ship("42");
                    assertThat(held).containsExactly(!first);
                });
    }

    /** The aspects of resilience4j have orders from LOWEST_PRECEDENCE - 5 to LOWEST_PRECEDENCE - 1. */
    @ParameterizedTest
    @CsvSource({"2147483642, true", "2147483646, true", "2147483500, false"})
    void orderOfAnAspectDecidesWhetherItRunsUnderTheLock(int order, boolean inside) {
        AtomicReference<KeyedLockerRegistry> lockers = new AtomicReference<>();
        List<Boolean> held = new CopyOnWriteArrayList<>();
        Contexts.runner(Checked.class)
                .withBean(DefaultPointcutAdvisor.class, () -> {
                    DefaultPointcutAdvisor aspect = new DefaultPointcutAdvisor(
                            new AnnotationMatchingPointcut(null, KeyedLock.class), (MethodInterceptor) invocation -> {
                                held.add(!holders(lockers.get()).isEmpty());
                                return invocation.proceed();
                            });
                    aspect.setOrder(order);
                    return aspect;
                })
                .run(context -> {
                    lockers.set(context.getBean(KeyedLockerRegistry.class));
                    context.getBean(Checked.class).ship("42");
                    assertThat(held).containsExactly(inside);
                });
    }

    @Test
    void scheduledMethodIsLocked() {
        Contexts.runner(Job.class).withUserConfiguration(Scheduling.class).run(context -> {
            Job job = context.getBean(Job.class);
            KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
            try (Section section = job.section()) {
                section.awaitInside(1);
                assertThat(holders(lockers)).hasSize(1);
                job.tick();
                assertThat(section.entered())
                        .as("skipped while the scheduled one runs")
                        .isEqualTo(1);
            }
        });
    }

    @Test
    void selfInvocationIsNotLocked() {
        run((mixed, lockers) -> {
            mixed.during(() -> mixed.note(holders(lockers).size() + " held"));
            mixed.callsItself("a");
            assertThat(mixed.notes()).containsExactly("0 held");
        });
    }

    @Test
    @EnabledIf("hasSpringsOwnRetryable")
    void retryableOfSpringAcquiresTheLockForEachAttempt() throws Exception {
        Class<?> resilient = resilient();
        Contexts.runner(resilient).withClassLoader(resilient.getClassLoader()).run(context -> {
            Resilient bean = (Resilient) context.getBean(resilient);
            AtomicInteger locked = new AtomicInteger();
            bean.during(() -> {
                KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
                locked.addAndGet(holders(lockers).size());
                if (locked.get() < 3) {
                    throw new IllegalStateException("again");
                }
            });
            bean.retried();
            assertThat(locked).hasValue(3);
            assertThat(bean.keysMade()).isEqualTo(3);
        });
    }

    @Test
    @EnabledIf("hasSpringsOwnRetryable")
    void concurrencyLimitOfSpringIsOutsideTheLock() throws Exception {
        Class<?> resilient = resilient();
        Contexts.runner(resilient).withClassLoader(resilient.getClassLoader()).run(context -> {
            Resilient bean = (Resilient) context.getBean(resilient);
            try (Section section = new Section()) {
                bean.during(section::pass);
                section.start(() -> bean.limited());
                section.awaitInside(1);
                Thread[] second = new Thread[1];
                section.start(() -> {
                    second[0] = Thread.currentThread();
                    bean.limited();
                });
                await().atMost(Duration.ofMinutes(1))
                        .until(() -> second[0] != null
                                && List.of(Thread.State.WAITING, Thread.State.BLOCKED)
                                        .contains(second[0].getState()));
                assertThat(waiters(context.getBean(KeyedLockerRegistry.class))).isEmpty();
            }
        });
    }

    static boolean hasSpringsOwnRetryable() {
        return ClassUtils.isPresent(
                "org.springframework.resilience.annotation.Retryable", OtherAnnotationsTests.class.getClassLoader());
    }

    private Class<?> resilient() throws Exception {
        return CompiledSource.load(directory, "sample.ResilientBean", """
                package sample;
                import io.keyedlock.annotation.KeyedLock;
                import org.springframework.context.annotation.Configuration;
                import org.springframework.resilience.annotation.*;
                @Configuration(proxyBeanMethods = false)
                @EnableResilientMethods
                public class ResilientBean implements io.keyedlock.aop.OtherAnnotationsTests.Resilient {
                  private Runnable hook;
                  private int keys;
                  public void during(Runnable hook) { this.hook = hook; }
                  public int keysMade() { return keys; }
                  public String key() { keys++; return "a"; }
                  @Retryable(delay = 1) @KeyedLock(key = "#root.target.key()") public void retried() { hook.run(); }
                  @ConcurrencyLimit(1) @KeyedLock public void limited() { hook.run(); }
                }
                """, "-parameters");
    }

    private void run(Body body) {
        runner.run(context -> body.on(context.getBean(Mixed.class), context.getBean(KeyedLockerRegistry.class)));
    }

    private static List<String> holders(KeyedLockerRegistry lockers) {
        return lockers.names().stream()
                .flatMap(name -> lockers.get(name).snapshot().stream())
                .flatMap(key -> key.holders().stream())
                .map(holder -> holder.threadName())
                .toList();
    }

    private static List<String> waiters(KeyedLockerRegistry lockers) {
        return lockers.names().stream()
                .flatMap(name -> lockers.get(name).snapshot().stream())
                .flatMap(key -> key.waiters().stream())
                .map(waiter -> waiter.threadName())
                .toList();
    }

    interface Body {
        void on(Mixed mixed, KeyedLockerRegistry lockers) throws Exception;
    }

    /** Implemented by a class that is compiled if Spring has these annotations. */
    public interface Resilient {
        void during(Runnable hook);

        int keysMade();

        void retried();

        void limited();
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAsync
    @EnableRetry
    @EnableCaching
    static class Everything {

        @Bean
        SimpleAsyncTaskExecutor taskExecutor() {
            return new SimpleAsyncTaskExecutor("task-");
        }

        @Bean
        ConcurrentMapCacheManager cacheManager() {
            return new ConcurrentMapCacheManager();
        }
    }

    @Configuration(proxyBeanMethods = false)
    @EnableScheduling
    static class Scheduling {}

    static class Job {

        private final Section section = new Section();

        Section section() {
            return section;
        }

        @Scheduled(fixedDelay = 1)
        @KeyedLock(policy = KeyedLock.Policy.SKIP)
        public void tick() {
            section.pass();
        }
    }

    static class Mixed {

        private final List<String> notes = new CopyOnWriteArrayList<>();
        private final AtomicInteger runs = new AtomicInteger();
        private final AtomicInteger keys = new AtomicInteger();
        private volatile Runnable hook = () -> {};

        void during(Runnable hook) {
            this.hook = hook;
        }

        void note(String note) {
            notes.add(note);
        }

        List<String> notes() {
            return notes;
        }

        int runs() {
            return runs.get();
        }

        int keysMade() {
            return keys.get();
        }

        /** Creates a key, for expressions. */
        public String key(String id) {
            keys.incrementAndGet();
            return id;
        }

        private String body() {
            runs.incrementAndGet();
            hook.run();
            return "value" + runs.get();
        }

        @Async
        @KeyedLock(key = "#id")
        public void async(String id) {
            body();
        }

        @Async
        @KeyedLock
        public CompletableFuture<String> asyncFuture(CompletableFuture<String> result) {
            body();
            return result;
        }

        @Async
        @KeyedLock
        public Future<String> asyncPlainFuture(Future<String> result) {
            body();
            return result;
        }

        @Retryable(maxAttempts = 3, backoff = @Backoff(delay = 1))
        @KeyedLock(key = "#root.target.key(#id)")
        public void retried(String id) {
            body();
        }

        @Cacheable("values")
        @KeyedLock(key = "#root.target.key(#id)")
        public String cached(String id) {
            return body();
        }

        public void callsItself(String id) {
            locked(id);
        }

        @KeyedLock(key = "#id")
        public void locked(String id) {
            body();
        }
    }
}
