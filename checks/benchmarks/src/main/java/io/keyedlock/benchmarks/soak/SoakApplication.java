// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.soak;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.autoconfigure.KeyedLockAopAutoConfiguration;
import io.keyedlock.autoconfigure.KeyedLockAutoConfiguration;
import io.keyedlock.autoconfigure.KeyedLockMetricsAutoConfiguration;
import io.keyedlock.autoconfigure.KeyedLockShutdownAutoConfiguration;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.autoconfigure.context.LifecycleAutoConfiguration;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.MapPropertySource;
import org.springframework.scheduling.annotation.EnableAsync;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;

/** One application context under load, and what is known of it once it is closed. */
final class SoakApplication {

    private final AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();

    final Jobs jobs;

    final Jobs.Sections sections = new Jobs.Sections();

    final KeyedLocker<Object> orders;

    /**
     * Where tasks run that have their permit. Not the pool of {@code @Async}: its threads wait for permits, and tasks that
     * hold those must not wait for its threads.
     */
    final Executor executor;

    private final List<KeyedLocker<Object>> lockers;

    /** From here on calls may fail since the application ends. */
    volatile boolean retired;

    SoakApplication() {
        context.getEnvironment()
                .getPropertySources()
                .addFirst(new MapPropertySource(
                        "soak", Map.of("keyedlock.locks.orders.limit", "1", "keyedlock.locks.tenants.limit", "3")));
        context.registerBean(Jobs.Sections.class, () -> sections);
        context.register(Beans.class);
        context.refresh();
        jobs = context.getBean(Jobs.class);
        executor = context.getBean("suppliers", Executor.class);
        KeyedLockerRegistry registry = context.getBean(KeyedLockerRegistry.class);
        orders = registry.get("orders");
        // Its locker is made by the first call.
        jobs.alone(0);
        lockers = registry.names().stream().map(registry::get).toList();
        if (lockers.size() != 3) {
            throw new AssertionError("three lockers are expected: " + registry.names());
        }
    }

    AnnotationConfigApplicationContext context() {
        return context;
    }

    void close() {
        retired = true;
        context.close();
    }

    /** To be called when nobody uses it: nothing may be active, and all counters must be right. */
    void check() throws InterruptedException {
        for (KeyedLocker<Object> locker : lockers) {
            if (!locker.awaitIdle(Duration.ofSeconds(60)) || locker.activeKeyCount() > 0) {
                throw new AssertionError("active although nobody uses it: " + locker.name() + " " + locker.snapshot());
            }
        }
        sections.orders.check();
        sections.tenants.check();
        sections.own.check();
    }

    long passes() {
        return sections.orders.passes() + sections.tenants.passes() + sections.own.passes();
    }

    @Configuration(proxyBeanMethods = false)
    @EnableAsync(proxyTargetClass = true)
    @ImportAutoConfiguration({
        AopAutoConfiguration.class,
        LifecycleAutoConfiguration.class,
        KeyedLockAutoConfiguration.class,
        KeyedLockAopAutoConfiguration.class,
        KeyedLockMetricsAutoConfiguration.class,
        KeyedLockShutdownAutoConfiguration.class
    })
    static class Beans {

        @Bean
        MeterRegistry meterRegistry() {
            return new SimpleMeterRegistry();
        }

        @Bean
        ThreadPoolTaskExecutor taskExecutor() {
            return pool();
        }

        @Bean(defaultCandidate = false)
        ThreadPoolTaskExecutor suppliers() {
            return pool();
        }

        private static ThreadPoolTaskExecutor pool() {
            ThreadPoolTaskExecutor executor = new ThreadPoolTaskExecutor();
            executor.setCorePoolSize(2);
            executor.setMaxPoolSize(2);
            executor.setPrestartAllCoreThreads(true);
            executor.setWaitForTasksToCompleteOnShutdown(true);
            executor.setAwaitTerminationSeconds(60);
            return executor;
        }

        @Bean
        Jobs jobs(Jobs.Sections sections) {
            return new Jobs(sections);
        }
    }
}
