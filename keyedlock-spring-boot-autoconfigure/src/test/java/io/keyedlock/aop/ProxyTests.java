// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockReentryException;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.aopalliance.intercept.MethodInterceptor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.aop.ProxyMethodInvocation;
import org.springframework.aop.framework.Advised;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.aop.framework.autoproxy.AutoProxyUtils;
import org.springframework.aop.framework.autoproxy.DefaultAdvisorAutoProxyCreator;
import org.springframework.aop.support.DefaultPointcutAdvisor;
import org.springframework.aop.support.DelegatingIntroductionInterceptor;
import org.springframework.aop.support.annotation.AnnotationMatchingPointcut;
import org.springframework.beans.factory.InitializingBean;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.util.ClassUtils;
import reactor.core.publisher.Mono;

/** Classes that cannot be proxied, beans with multiple proxies, and decorators. */
@ExtendWith(OutputCaptureExtension.class)
@SuppressWarnings("try") // the permit is only held
class ProxyTests {

    @TempDir
    Path directory;

    // ---- no proxy

    interface Port {

        String ship(String id);
    }

    static final class Final implements Port {

        @Override
        @KeyedLock(key = "#id")
        public String ship(String id) {
            return id;
        }
    }

    record Recorded() implements Port {

        @Override
        @KeyedLock(key = "#id")
        public String ship(String id) {
            return id;
        }
    }

    abstract static sealed class Sealed implements Port permits Only {}

    static final class Only extends Sealed {

        @Override
        @KeyedLock(key = "#id")
        public String ship(String id) {
            return id;
        }
    }

    static sealed class Closed implements Port permits Heir {

        @Override
        @KeyedLock(key = "#id")
        public String ship(String id) {
            return id;
        }
    }

    static final class Heir extends Closed {}

    static class Hidden implements Port {

        private Hidden() {}

        static Hidden create() {
            return new Hidden();
        }

        @Override
        @KeyedLock(key = "#id")
        public String ship(String id) {
            return id;
        }
    }

    /** Implements an interface that Spring does not proxy. */
    static final class OfTheLifeCycle implements InitializingBean, AutoCloseable {

        @Override
        public void afterPropertiesSet() {}

        @Override
        @KeyedLock
        public void close() {}
    }

    @ParameterizedTest
    @ValueSource(classes = {Final.class, Recorded.class, Only.class})
    void finalClassWithAnInterfaceIsReported(Class<?> type) {
        assertReported(type, Contexts.runner(type), "the class is final");
    }

    @Test
    void otherClassesThatCannotBeExtendedAreReported() {
        assertReported(Closed.class, Contexts.runner().withBean(Closed.class, Closed::new), "the class is sealed");
        assertReported(
                Hidden.class,
                Contexts.runner().withBean(Hidden.class, Hidden::create),
                "the class has private constructors only");
    }

    /** Since Spring Framework 7, a single bean can be proxied by its interfaces while others are proxied by class. */
    @ParameterizedTest
    @ValueSource(strings = {"ProxyType.INTERFACES", "interfaces = java.util.concurrent.Callable.class"})
    @EnabledIf("hasProxyable")
    void finalClassWithAnnotatedInterfaceProxyIsLocked(String how) throws Exception {
        Class<?> type = CompiledSource.load(directory, "sample.ByInterfaces", """
                package sample;
                import io.keyedlock.annotation.KeyedLock;
                import org.springframework.context.annotation.*;

                @Proxyable(%s)
                public final class ByInterfaces implements java.util.concurrent.Callable<String> {
                    @KeyedLock(name = "orders", key = "'42'", policy = KeyedLock.Policy.REJECT)
                    public String call() {
                        return "shipped";
                    }
                }
                """.formatted(how));
        Contexts.runner(type)
                .withClassLoader(type.getClassLoader())
                .withPropertyValues("keyedlock.locks.orders.limit=1")
                .run(context -> {
                    Callable<?> bean = context.getBean(Callable.class);
                    assertThat(bean.call()).isEqualTo("shipped");
                    try (Permit held = orders(context).acquireAsync("42").join()) {
                        assertThatThrownBy(bean::call).isInstanceOf(LockRejectedException.class);
                    }
                });
    }

    static boolean hasProxyable() {
        return ClassUtils.isPresent(
                "org.springframework.context.annotation.Proxyable", ProxyTests.class.getClassLoader());
    }

    private static KeyedLocker<Object> orders(ApplicationContext context) {
        return context.getBean(KeyedLockerRegistry.class).get("orders");
    }

    @Test
    void finalMethodOfAnInterfaceProxyIsLocked() {
        ApplicationContextRunner runner =
                Contexts.runner(FinalMethod.class).withPropertyValues("keyedlock.locks.orders.limit=1");
        runner.withPropertyValues("spring.aop.proxy-target-class=false").run(context -> {
            Port bean = context.getBean(Port.class);
            try (Permit held = orders(context).acquireAsync("42").join()) {
                assertThatThrownBy(() -> bean.ship("42")).isInstanceOf(LockRejectedException.class);
            }
        });
        runner.run(context -> assertThat(context)
                .getFailure()
                .hasMessageContaining(FinalMethod.class.getName() + ".ship(String): the method is final"));
    }

    static class FinalMethod implements Port {

        @Override
        @KeyedLock(name = "orders", key = "#id", policy = KeyedLock.Policy.REJECT)
        public final String ship(String id) {
            return id;
        }
    }

    /** Such as {@code @Scope(proxyMode = TARGET_CLASS)} and full configuration classes set it. */
    @Test
    void finalClassThatMustBeProxiedByClassIsReported() {
        ApplicationContextRunner runner =
                Contexts.runner(Final.class).withPropertyValues("spring.aop.proxy-target-class=false");
        runner.run(context -> assertThat(context).hasNotFailed());
        assertReported(
                Final.class,
                runner.withInitializer(context -> context.addBeanFactoryPostProcessor(
                        beans -> beans.getBeanDefinition(beans.getBeanNamesForType(Final.class)[0])
                                .setAttribute(AutoProxyUtils.PRESERVE_TARGET_CLASS_ATTRIBUTE, true))),
                "the class is final");
    }

    @Test
    void lifecycleInterfaceDoesNotMakeAFinalClassProxyable() {
        assertReported(
                OfTheLifeCycle.class,
                Contexts.runner(OfTheLifeCycle.class).withPropertyValues("spring.aop.proxy-target-class=false"),
                "the class is final");
    }

    @ParameterizedTest
    @ValueSource(classes = {Final.class, Recorded.class})
    void finalClassIsReportedAsAWarning(Class<?> type, CapturedOutput output) {
        Contexts.runner(type).withPropertyValues("keyedlock.validation=warn").run(context -> {
            assertThat(context).hasNotFailed();
            assertThat(context.getBean(Port.class).ship("42")).isEqualTo("42");
        });
        assertThat(output).contains(type.getName() + ": the class is final");
    }

    @ParameterizedTest
    @ValueSource(classes = {Final.class, Recorded.class, Only.class, Closed.class, Hidden.class})
    void classesWithAnInterfaceAreLockedThroughIt(Class<?> type) {
        ApplicationContextRunner runner = type == Hidden.class
                ? Contexts.runner().withBean(Hidden.class, Hidden::create)
                : type == Closed.class ? Contexts.runner().withBean(Closed.class, Closed::new) : Contexts.runner(type);
        runner.withPropertyValues("spring.aop.proxy-target-class=false").run(context -> {
            assertThat(context).hasNotFailed();
            Port port = context.getBean(Port.class);
            assertThat(port.ship("42")).isEqualTo("42");
            assertThat(port).isInstanceOf(Advised.class);
        });
    }

    private static void assertReported(Class<?> type, ApplicationContextRunner runner, String problem) {
        runner.run(context -> assertThat(context.getStartupFailure())
                .isInstanceOfSatisfying(
                        InvalidKeyedLockException.class,
                        failure -> assertThat(failure.findings())
                                .singleElement()
                                .satisfies(finding -> {
                                    assertThat(finding.place()).isEqualTo(type.getName());
                                    assertThat(finding.problem()).startsWith(problem);
                                })));
    }

    // ---- two proxies

    @Configuration(proxyBeanMethods = false)
    static class TwoCreators {

        @Bean
        static DefaultAdvisorAutoProxyCreator everyAdvisor() {
            DefaultAdvisorAutoProxyCreator creator = new DefaultAdvisorAutoProxyCreator();
            creator.setProxyTargetClass(true);
            return creator;
        }
    }

    static class Calls {

        private KeyedLocker<Object> once;

        void uses(KeyedLocker<Object> locker) {
            once = locker;
        }

        /** Returns the number of holders of the key, which must be held. */
        private String held(String id) {
            return once.snapshot(id).orElseThrow().holders().toString();
        }

        @KeyedLock(name = "once", key = "#id")
        public String plain(String id) {
            return held(id);
        }

        @KeyedLock(name = "once", key = "#id", policy = KeyedLock.Policy.SKIP)
        public CompletableFuture<Void> skipped(String id) {
            return CompletableFuture.failedFuture(new IllegalStateException("ran"));
        }

        @KeyedLock(name = "once", key = "#id", waitTime = "0s")
        public CompletableFuture<String> stage(String id) {
            return CompletableFuture.completedFuture(held(id));
        }

        @KeyedLock(name = "once", key = "#id", waitTime = "0s")
        public Mono<String> publisher(String id) {
            return Mono.fromSupplier(() -> held(id));
        }

        @KeyedLock(name = "once", key = "#root.target.identity(#id)", waitTime = "0s")
        public String ofTarget(String id) {
            return "done";
        }

        public String identity(String id) {
            return getClass().getSimpleName() + id;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"true", "false"})
    void callAcquiresItsLockOnceThroughTwoProxies(String reentrant) {
        Contexts.runner(Calls.class)
                .withUserConfiguration(TwoCreators.class)
                .withPropertyValues("keyedlock.locks.once.reentrant=" + reentrant)
                .run(context -> {
                    Calls calls = context.getBean(Calls.class);
                    Advised outer = (Advised) calls;
                    assertThat(outer.getTargetSource().getTarget()).isInstanceOf(Advised.class);
                    KeyedLocker<Object> once =
                            context.getBean(KeyedLockerRegistry.class).get("once");
                    calls.uses(once);
                    assertThat(calls.plain("42")).isNotEmpty();
                    assertThat(calls.stage("42").get(60, TimeUnit.SECONDS)).isNotEmpty();
                    assertThat(calls.publisher("42").block()).isNotEmpty();
                    assertThat(calls.ofTarget("42")).isEqualTo("done");
                    assertThatThrownBy(() -> calls.skipped("42").join())
                            .isInstanceOf(CompletionException.class)
                            .hasRootCauseMessage("ran");
                    assertThat(once.activeKeyCount()).isZero();
                    try (Permit elsewhere = once.acquireAsync("42").join()) {
                        assertThatThrownBy(() -> calls.stage("42").join())
                                .hasCauseInstanceOf(LockTimeoutException.class);
                        assertThat(calls.skipped("42").join()).isNull();
                    }
                });
    }

    /** Advice between the two proxies that proceeds twice. */
    @Test
    void adviceThatProceedsTwiceRunsUnderOneLock() {
        Contexts.runner(Calls.class)
                .withUserConfiguration(TwoCreators.class)
                .withBean(
                        "twice",
                        DefaultPointcutAdvisor.class,
                        () -> new DefaultPointcutAdvisor(
                                new AnnotationMatchingPointcut(null, KeyedLock.class),
                                (MethodInterceptor) invocation -> {
                                    ((ProxyMethodInvocation) invocation)
                                            .invocableClone()
                                            .proceed();
                                    return invocation.proceed();
                                }))
                .withPropertyValues("keyedlock.locks.once.reentrant=false")
                .run(context -> {
                    Calls calls = context.getBean(Calls.class);
                    calls.uses(context.getBean(KeyedLockerRegistry.class).get("once"));
                    assertThat(calls.plain("42")).isNotEmpty();
                    assertThat(calls.stage("42").get(60, TimeUnit.SECONDS)).isNotEmpty();
                });
    }

    @Test
    void proxyByHandAroundALockedBeanAddsNoSecondLock() {
        Contexts.runner(Calls.class)
                .withPropertyValues("keyedlock.locks.once.reentrant=false")
                .run(context -> {
                    Calls inner = context.getBean(Calls.class);
                    inner.uses(context.getBean(KeyedLockerRegistry.class).get("once"));
                    ProxyFactory factory = new ProxyFactory(inner);
                    factory.setProxyTargetClass(true);
                    factory.addAdvisor(context.getBean(KeyedLockAdvisor.class));
                    Calls outer = (Calls) factory.getProxy();
                    assertThat(outer.plain("42")).isNotEmpty();
                    assertThat(outer.stage("42").get(60, TimeUnit.SECONDS)).isNotEmpty();
                    assertThat(inner.plain("42")).isNotEmpty();
                });
    }

    interface Introduced {

        @KeyedLock(name = "orders", key = "#id")
        int activeKeys(String id);
    }

    static class Introducing {}

    @Configuration(proxyBeanMethods = false)
    static class Introductions {

        @Bean
        static Introducing introducing(KeyedLockerRegistry lockers) {
            Introduced introduced = id -> lockers.get("orders").activeKeyCount();
            ProxyFactory factory = new ProxyFactory(new Introducing());
            factory.setProxyTargetClass(true);
            factory.addAdvice(new DelegatingIntroductionInterceptor(introduced));
            return (Introducing) factory.getProxy();
        }
    }

    @Test
    void methodOfAnInterfaceThatAProxyClassAddsIsLocked() {
        Contexts.runner(Introductions.class)
                .withPropertyValues("keyedlock.locks.orders.limit=1")
                .run(context -> {
                    Introduced bean = (Introduced) context.getBean(Introducing.class);
                    assertThat(bean.activeKeys("42")).isOne();
                });
    }

    // ---- decorators

    interface Shipping {

        @KeyedLock(name = "orders", key = "#id", waitTime = "0s")
        String ship(String id);

        @KeyedLock(name = "orders", key = "#id", waitTime = "0s")
        CompletableFuture<String> send(String id);

        @KeyedLock(name = "orders", keys = "{#id, 'shared'}", waitTime = "0s")
        CompletableFuture<String> sendBoth(String id);

        @KeyedLock(name = "orders", key = "#id", policy = KeyedLock.Policy.SKIP)
        CompletableFuture<Void> skip(String id);

        @KeyedLock(name = "orders", key = "#id", waitTime = "0s")
        Mono<String> publish(String id);
    }

    static class Real implements Shipping {

        final AtomicReference<CompletableFuture<String>> sent = new AtomicReference<>();

        @Override
        public String ship(String id) {
            return "shipped";
        }

        @Override
        public CompletableFuture<String> send(String id) {
            CompletableFuture<String> result = new CompletableFuture<>();
            sent.set(result);
            return result;
        }

        @Override
        public CompletableFuture<String> sendBoth(String id) {
            return send(id);
        }

        @Override
        public CompletableFuture<Void> skip(String id) {
            return CompletableFuture.failedFuture(new IllegalStateException("ran"));
        }

        @Override
        public Mono<String> publish(String id) {
            return Mono.just("published");
        }

        public CompletableFuture<String> sent() {
            return sent.get();
        }
    }

    static class Decorator implements Shipping {

        private final Shipping real;

        Decorator(Shipping real) {
            this.real = real;
        }

        @Override
        public String ship(String id) {
            return "decorated " + real.ship(id);
        }

        @Override
        public CompletableFuture<String> send(String id) {
            return real.send(id).thenApply(result -> "decorated " + result);
        }

        @Override
        public CompletableFuture<String> sendBoth(String id) {
            return real.sendBoth(id).thenApply(result -> "decorated " + result);
        }

        @Override
        public CompletableFuture<Void> skip(String id) {
            return real.skip(id);
        }

        @Override
        public Mono<String> publish(String id) {
            return real.publish(id).map(result -> "decorated " + result);
        }

        /** Completes before the call that it has made. */
        @KeyedLock(name = "orders", key = "#id", waitTime = "0s")
        public CompletableFuture<String> fireAndForget(String id) {
            real.send(id);
            return CompletableFuture.completedFuture("fired");
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Decorated {

        @Bean
        Real real() {
            return new Real();
        }

        @Bean
        Decorator decorator(Real real) {
            return new Decorator(real);
        }
    }

    private static void decorated(String reentrant, Contexts.Check<ApplicationContext> check) {
        Contexts.runner()
                .withUserConfiguration(Decorated.class)
                .withPropertyValues("keyedlock.locks.orders.reentrant=" + reentrant)
                .run(check::on);
    }

    @Test
    void decoratorOfAnAnnotatedInterfaceDoesNotWaitForItself() {
        decorated("true", context -> {
            Decorator decorator = context.getBean(Decorator.class);
            Real real = context.getBean(Real.class);
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            assertThat(decorator.ship("42")).isEqualTo("decorated shipped");
            assertThat(decorator.publish("42").block()).isEqualTo("decorated published");
            assertThatThrownBy(() -> decorator.skip("42").join()).hasRootCauseMessage("ran");
            for (boolean both : List.of(false, true)) {
                CompletableFuture<String> result = both ? decorator.sendBoth("42") : decorator.send("42");
                assertThat(orders.snapshot("42").orElseThrow().holders()).hasSize(1);
                assertThatThrownBy(() -> real.send("42").join()).hasCauseInstanceOf(LockTimeoutException.class);
                assertThat(result).isNotDone();
                real.sent().complete("sent");
                assertThat(result.get(60, TimeUnit.SECONDS)).isEqualTo("decorated sent");
                assertThat(orders.activeKeyCount()).isZero();
            }
        });
    }

    @Test
    void keyStaysHeldUntilTheNestedCallHasEnded() {
        decorated("true", context -> {
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            assertThat(context.getBean(Decorator.class).fireAndForget("42").get(60, TimeUnit.SECONDS))
                    .isEqualTo("fired");
            assertThat(orders.activeKeyCount()).isOne();
            context.getBean(Real.class).sent().complete("sent");
            assertThat(orders.activeKeyCount()).isZero();
        });
    }

    @Test
    void decoratorWaitsLikeAnyCallerAndIsReentrant() {
        decorated("true", context -> {
            KeyedLocker<Object> orders =
                    context.getBean(KeyedLockerRegistry.class).get("orders");
            Real real = context.getBean(Real.class);
            Patient patient = new Patient(context.getBean(Decorator.class));
            ProxyFactory factory = new ProxyFactory(patient);
            factory.addAdvisor(context.getBean(KeyedLockAdvisor.class));
            Patient locked = (Patient) factory.getProxy();
            Permit elsewhere = orders.acquireAsync("42").join();
            CompletableFuture<String> result = locked.send("42");
            assertThat(result).isNotDone();
            elsewhere.close();
            Bodies.until(() -> real.sent() != null);
            real.sent().complete("sent");
            assertThat(result.get(60, TimeUnit.SECONDS)).isEqualTo("decorated sent");
            Bodies.until(() -> orders.activeKeyCount() == 0);
        });
    }

    static class Patient {

        private final Decorator decorator;

        Patient(Decorator decorator) {
            this.decorator = decorator;
        }

        @KeyedLock(name = "orders", key = "#id", waitTime = "forever")
        public CompletableFuture<String> send(String id) {
            return decorator.send(id);
        }
    }

    @Test
    void decoratorFailsWhereTheLockerIsNotReentrant() {
        decorated("false", context -> {
            Decorator decorator = context.getBean(Decorator.class);
            assertThatThrownBy(() -> decorator.ship("42")).isInstanceOf(LockReentryException.class);
            assertThatThrownBy(() -> decorator.send("42").join()).hasCauseInstanceOf(LockReentryException.class);
            assertThat(context.getBean(KeyedLockerRegistry.class).get("orders").activeKeyCount())
                    .isZero();
        });
    }
}
