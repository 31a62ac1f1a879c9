// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerListener.HoldTiming;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.ObjectFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.beans.factory.config.CustomScopeConfigurer;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.logging.LogLevel;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Scope;
import org.springframework.context.annotation.ScopedProxyMode;
import org.springframework.context.support.SimpleThreadScope;
import org.springframework.core.annotation.Order;

@ExtendWith(OutputCaptureExtension.class)
@SuppressWarnings("try") // the permit is only held
class LockerListenersTests {

    private final ApplicationContextRunner contexts = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(KeyedLockAutoConfiguration.class))
            .withPropertyValues("keyedlock.locks.orders.limit=1");

    @Test
    void listenerBeansObserveAllLockersInOrder() {
        contexts.withUserConfiguration(TwoListeners.class).run(context -> {
            List<String> events = context.getBean(TwoListeners.class).events;
            orders(context).acquire("42").close();
            context.getBean(ContextLockers.class)
                    .<String>own("Service.method()", OptionalInt.empty())
                    .acquire("43")
                    .close();
            assertThat(events)
                    .containsExactly(
                            "first orders acquired 42",
                            "second orders acquired 42",
                            "first orders released 42",
                            "second orders released 42",
                            "first Service.method() acquired 43",
                            "second Service.method() acquired 43",
                            "first Service.method() released 43",
                            "second Service.method() released 43");
        });
    }

    @Test
    void eachListenerIsNotifiedOfAWaitAndItsEnd() {
        contexts.withUserConfiguration(TwoListeners.class).run(context -> {
            List<String> events = context.getBean(TwoListeners.class).events;
            Permit permit = orders(context).acquire("42");
            CompletableFuture<Permit> waiting = orders(context).acquireAsync("42");
            waiting.cancel(false);
            permit.close();
            assertThat(events)
                    .contains("first orders waiting 42", "second orders waiting 42")
                    .contains("first orders ended CANCELLED", "second orders ended CANCELLED")
                    .contains("first orders CANCELLED 42", "second orders CANCELLED 42");
        });
    }

    @Test
    void aListenerMayNeedALocker() {
        contexts.withUserConfiguration(NeedsALocker.class).run(context -> {
            orders(context).acquire("42").close();
            assertThat(context.getBean(NeedsALocker.Audit.class).events).containsExactly("42");
        });
    }

    @Test
    void aFailingListenerAffectsNoOtherAndChangesNothing() {
        contexts.withUserConfiguration(Failing.class, TwoListeners.class).run(context -> {
            orders(context).acquire("42").close();
            assertThat(context.getBean(TwoListeners.class).events).hasSize(4);
            assertThat(orders(context).activeKeyCount()).isZero();
        });
    }

    @Test
    void holdsAreNotTimedByDefault() {
        contexts.run(context -> assertThat(context.getBeansOfType(KeyedLockerListener.class))
                .isNotEmpty()
                .allSatisfy(
                        (name, listener) -> assertThat(listener.holdTiming()).isEqualTo(HoldTiming.OFF)));
    }

    @Test
    void ownLockersAreObservedOnceThroughAnyProxy() {
        contexts.withUserConfiguration(TwoListeners.class, OwnLockers.class).run(context -> {
            List<String> events = context.getBean(TwoListeners.class).events;
            for (String name : List.of("plain", "heardAlready", "scoped", "prototype", "orders")) {
                @SuppressWarnings("unchecked")
                KeyedLocker<String> locker = context.getBean(name, KeyedLocker.class);
                locker.acquire("42").close();
                assertThat(events)
                        .containsExactlyInAnyOrder(
                                "first " + name + " acquired 42",
                                "second " + name + " acquired 42",
                                "first " + name + " released 42",
                                "second " + name + " released 42");
                events.clear();
            }
            AtomicReference<Object> scope = context.getBean(OwnLockers.class).scope;
            Object before = scope.getAndSet(null);
            @SuppressWarnings("unchecked")
            KeyedLocker<String> scoped = context.getBean("scoped", KeyedLocker.class);
            scoped.acquire("43").close();
            assertThat(scope.get()).isNotNull().isNotSameAs(before);
            assertThat(events).hasSize(4);
        });
    }

    @Test
    void aLongHoldIsLoggedOnceWithTheStackOfItsThread(CapturedOutput output) {
        contexts.withPropertyValues("keyedlock.long-hold.threshold=1ms")
                .withUserConfiguration(CountsLongHolds.class)
                .run(context -> {
                    try (Permit permit = orders(context).acquire("42")) {
                        await().atMost(Duration.ofMinutes(1))
                                .until(() -> context.getBean(CountsLongHolds.Counter.class)
                                                .count
                                                .size()
                                        == 1);
                    }
                });
        assertThat(output.getAll().split("key '42' of 'orders' has been held for", -1))
                .hasSize(2);
        assertThat(output)
                .contains("WARN")
                .contains("by thread '" + Thread.currentThread().getName() + "' and is still held")
                .containsPattern("\tat .*aLongHoldIsLoggedOnceWithTheStackOfItsThread");
    }

    @Test
    void waitsAreLoggedAtDebugLevelOnly(CapturedOutput output) {
        LoggingSystem logging = LoggingSystem.get(getClass().getClassLoader());
        contexts.run(context -> {
            waitOnce(orders(context));
            assertThat(output).doesNotContain("orders");
            logging.setLogLevel(KeyedLocker.class.getName(), LogLevel.DEBUG);
            try {
                orders(context).acquire("42").close();
                assertThat(output).doesNotContain("orders");
                waitOnce(orders(context));
                assertThat(output).contains("Acquired key '42' of 'orders' after");
            } finally {
                logging.setLogLevel(KeyedLocker.class.getName(), null);
            }
        });
    }

    @Test
    void noKeyIsLoggedIfKeysAreRedacted(CapturedOutput output) {
        LockerLog log = new LockerLog(false);
        KeyedLockerListener orders = log.forLocker("orders");
        orders.longHold("secret", new KeySnapshot.Caller("main", 1, false, Duration.ofSeconds(31)), List.of());
        orders.leaseLost("secret");
        assertThat(output)
                .contains("a key of 'orders' has been held for 31000 ms by thread 'main'")
                .contains("lease of a key of 'orders'")
                .doesNotContain("secret");
    }

    private static void waitOnce(KeyedLocker<String> orders) throws InterruptedException {
        Permit permit = orders.acquire("42");
        CompletableFuture<Permit> waiting = orders.acquireAsync("42");
        permit.close();
        waiting.join().close();
    }

    private static KeyedLocker<String> orders(org.springframework.context.ApplicationContext context) {
        return context.getBean(KeyedLockerRegistry.class).get("orders");
    }

    private record Recorder(String id, String lockName, List<String> events) implements KeyedLockerListener {

        @Override
        public KeyedLockerListener forLocker(String name) {
            return new Recorder(id, name, events);
        }

        @Override
        public void acquired(Object key, Duration waited) {
            events.add(id + " " + lockName + " acquired " + key);
        }

        @Override
        public void released(Object key, Duration held) {
            events.add(id + " " + lockName + " released " + key);
        }

        @Override
        public void notAcquired(Object key, Outcome outcome, Duration waited) {
            events.add(id + " " + lockName + " " + outcome + " " + key);
        }

        @Override
        public Wait waiting(Object key, int ahead) {
            events.add(id + " " + lockName + " waiting " + key);
            return (failure, waited) -> events.add(id + " " + lockName + " ended " + failure);
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class TwoListeners {

        private final List<String> events = new CopyOnWriteArrayList<>();

        @Bean
        @Order(2)
        KeyedLockerListener second() {
            return new Recorder("second", "", events);
        }

        @Bean
        @Order(1)
        KeyedLockerListener first() {
            return new Recorder("first", "", events);
        }
    }

    /** Lockers: a plain one, one with a listener bean, one behind the proxy of a refreshable scope, and a prototype. */
    @Configuration(proxyBeanMethods = false)
    static class OwnLockers {

        private final AtomicReference<Object> scope = new AtomicReference<>();

        @Bean
        static CustomScopeConfigurer scopes(ObjectProvider<OwnLockers> lockers) {
            CustomScopeConfigurer scopes = new CustomScopeConfigurer();
            scopes.addScope("renewed", new SimpleThreadScope() {
                @Override
                public Object get(String name, ObjectFactory<?> factory) {
                    AtomicReference<Object> scope = lockers.getObject().scope;
                    if (scope.get() == null) {
                        scope.set(factory.getObject());
                    }
                    return scope.get();
                }
            });
            return scopes;
        }

        @Bean
        KeyedLocker<String> plain() {
            return KeyedLocker.create(KeyedLockerSettings.defaults().withName("plain"));
        }

        @Bean
        KeyedLocker<String> heardAlready(@Qualifier("first") KeyedLockerListener first) {
            return KeyedLocker.create(KeyedLockerSettings.defaults().withName("heardAlready"), first);
        }

        @Bean
        @Scope(scopeName = "renewed", proxyMode = ScopedProxyMode.INTERFACES)
        KeyedLocker<String> scoped() {
            return KeyedLocker.create(KeyedLockerSettings.defaults().withName("scoped"));
        }

        @Bean
        @Scope("prototype")
        KeyedLocker<String> prototype() {
            return KeyedLocker.create(KeyedLockerSettings.defaults().withName("prototype"));
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class NeedsALocker {

        record Audit(KeyedLocker<String> orders, List<Object> events) implements KeyedLockerListener {

            @Override
            public void acquired(Object key, Duration waited) {
                events.add(key);
            }
        }

        @Bean
        Audit audit(KeyedLocker<String> orders) {
            return new Audit(orders, new ArrayList<>());
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class Failing {

        @Bean
        @Order(0)
        KeyedLockerListener failing() {
            return new KeyedLockerListener() {
                @Override
                public void acquired(Object key, Duration waited) {
                    throw new IllegalStateException("out of order");
                }
            };
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class CountsLongHolds {

        record Counter(List<Object> count) implements KeyedLockerListener {

            @Override
            public void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
                count.add(key);
            }
        }

        @Bean
        Counter counter() {
            return new Counter(new CopyOnWriteArrayList<>());
        }
    }
}
