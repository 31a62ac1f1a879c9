// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.autoconfigure.KeyedLockAopAutoConfiguration;
import io.keyedlock.autoconfigure.KeyedLockAutoConfiguration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.springframework.aop.Advisor;
import org.springframework.aop.support.DefaultPointcutAdvisor;
import org.springframework.aop.support.NameMatchMethodPointcut;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Role;
import reactor.core.publisher.Mono;

/**
 * Methods whose result comes later, and is there at once. They are behind another bean, which takes the result, behind the
 * empty interceptor: once with the lock, and once behind one more empty interceptor.
 */
final class LaterAdvice {

    private LaterAdvice() {}

    /** Proceeds, before each method that is not locked. */
    @Configuration(proxyBeanMethods = false)
    @Import(EmptyAdvice.Interceptor.class)
    static class Unlocked {

        @Bean
        @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
        static Advisor laterAdvisor() {
            NameMatchMethodPointcut pointcut = new NameMatchMethodPointcut();
            pointcut.addMethodName("shipLater");
            return new DefaultPointcutAdvisor(pointcut, new GoesOn());
        }
    }

    private static final class GoesOn implements org.aopalliance.intercept.MethodInterceptor {

        @Override
        public Object invoke(org.aopalliance.intercept.MethodInvocation invocation) throws Throwable {
            return Objects.requireNonNull(invocation.proceed());
        }
    }

    @Configuration(proxyBeanMethods = false)
    @Import(EmptyAdvice.Interceptor.class)
    @ImportAutoConfiguration({KeyedLockAutoConfiguration.class, KeyedLockAopAutoConfiguration.class})
    static class Locked {}

    @Configuration(proxyBeanMethods = false)
    static class UnlockedFuture extends Unlocked {

        @Bean
        Futures futures() {
            return new Futures();
        }

        @Bean
        OrderService orders(Futures futures) {
            return new OfFutures(futures);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class LockedFuture extends Locked {

        @Bean
        Futures futures() {
            return new LockedFutures();
        }

        @Bean
        OrderService orders(Futures futures) {
            return new OfFutures(futures);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class UnlockedMono extends Unlocked {

        @Bean
        Monos monos() {
            return new Monos();
        }

        @Bean
        OrderService orders(Monos monos) {
            return new OfMonos(monos);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class LockedMono extends Locked {

        @Bean
        Monos monos() {
            return new LockedMonos();
        }

        @Bean
        OrderService orders(Monos monos) {
            return new OfMonos(monos);
        }
    }

    /** Complete futures. */
    public static class Futures {

        public CompletableFuture<String> shipLater(Order order) {
            return CompletableFuture.completedFuture(order.id());
        }
    }

    /** The same under the lock. */
    public static class LockedFutures extends Futures {

        @Override
        @KeyedLock(key = "#order.id")
        public CompletableFuture<String> shipLater(Order order) {
            return CompletableFuture.completedFuture(order.id());
        }
    }

    /** Publishers of an available value. */
    public static class Monos {

        public Mono<String> shipLater(Order order) {
            return Mono.just(order.id());
        }
    }

    /** The same under the lock. */
    public static class LockedMonos extends Monos {

        @Override
        @KeyedLock(key = "#order.id")
        public Mono<String> shipLater(Order order) {
            return Mono.just(order.id());
        }
    }

    /** Reads the value of the future. */
    public static class OfFutures implements OrderService {

        private final Futures futures;

        OfFutures(Futures futures) {
            this.futures = futures;
        }

        @Override
        public String ship(Order order) {
            return futures.shipLater(order).join();
        }
    }

    /** Subscribes and reads the value. */
    public static class OfMonos implements OrderService {

        private final Monos monos;

        OfMonos(Monos monos) {
            this.monos = monos;
        }

        @Override
        public String ship(Order order) {
            return Objects.requireNonNull(monos.shipLater(order).block());
        }
    }
}
