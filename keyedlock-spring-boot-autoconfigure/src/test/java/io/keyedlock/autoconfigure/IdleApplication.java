// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.Permit;
import io.keyedlock.actuate.KeyedLocksEndpoint;
import io.keyedlock.annotation.KeyedLock;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.MapPropertySource;

/** Uses a locker with meters, endpoint and drain, and repeatedly prints the threads of the library. */
final class IdleApplication {

    private IdleApplication() {}

    /** Runs the application. */
    public static void main(String[] args) throws Exception {
        AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
        context.getEnvironment()
                .getPropertySources()
                .addFirst(new MapPropertySource(
                        "idle",
                        Map.of(
                                "keyedlock.locks.orders.limit", "1",
                                "management.endpoints.web.exposure.include", "*")));
        context.register(Beans.class);
        context.refresh();
        KeyedLocker<Object> orders = context.getBean(KeyedLockerRegistry.class).get("orders");
        Service service = context.getBean(Service.class);
        printThreads("before the first call");
        for (int i = 0; i < 1_000; i++) {
            service.work(i);
        }
        Permit held = orders.acquireAsync("held").join();
        CompletableFuture<Permit> waiting = orders.acquireAsync("held", Duration.ofHours(1));
        printThreads("while a key is held and awaited");
        context.getBean(KeyedLocksEndpoint.class).lockers();
        context.getBean(SimpleMeterRegistry.class)
                .getMeters()
                .forEach(meter -> meter.measure().forEach(measured -> measured.getValue()));
        held.close();
        waiting.join().close();
        awaitNoThreadOfOurs();
        printThreads("idle");
        context.close();
        // The thread of the drain ends after its callback.
        awaitNoThreadOfOurs();
        printThreads("closed");
    }

    private static void awaitNoThreadOfOurs() {
        Awaitility.await().atMost(2, TimeUnit.MINUTES).until(() -> ours().isEmpty());
    }

    private static void printThreads(String when) {
        System.out.println(when + ": " + ours());
    }

    private static List<String> ours() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith("keyedlock"))
                .sorted()
                .toList();
    }

    @Configuration(proxyBeanMethods = false)
    @ImportAutoConfiguration({
        AopAutoConfiguration.class,
        KeyedLockAutoConfiguration.class,
        KeyedLockAopAutoConfiguration.class,
        KeyedLockMetricsAutoConfiguration.class,
        KeyedLockEndpointAutoConfiguration.class,
        KeyedLockShutdownAutoConfiguration.class
    })
    static class Beans {

        @Bean
        SimpleMeterRegistry meters() {
            return new SimpleMeterRegistry();
        }

        @Bean
        Service service() {
            return new Service();
        }
    }

    static class Service {

        @KeyedLock(name = "orders", key = "#id")
        public void work(long id) {}
    }
}
