// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockRejectedException;
import io.keyedlock.Permit;
import io.keyedlock.actuate.KeyedLocksEndpoint;
import io.keyedlock.annotation.KeyedLock;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.assertj.AssertableApplicationContext;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** A context and its parent: one locker for one name. */
@ExtendWith(OutputCaptureExtension.class)
@SuppressWarnings("try") // the permit is only held
class ContextHierarchyTests {

    private final ApplicationContextRunner contexts = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    AopAutoConfiguration.class,
                    KeyedLockAutoConfiguration.class,
                    KeyedLockAopAutoConfiguration.class,
                    KeyedLockMetricsAutoConfiguration.class,
                    KeyedLockEndpointAutoConfiguration.class,
                    KeyedLockShutdownAutoConfiguration.class))
            .withPropertyValues("management.endpoints.web.exposure.include=*", "keyedlock.long-hold.threshold=0s");

    /** Both contexts read the same properties. */
    private final ApplicationContextRunner shared = contexts.withPropertyValues("keyedlock.locks.orders.limit=1");

    @Test
    void aChildUsesTheConfiguredLockerOfItsParent() {
        shared.withBean(Orders.class)
                .run(parent -> shared.withParent(parent).withBean(Orders.class).run(child -> {
                    assertThat(child).hasNotFailed();
                    assertThat(child.getBean("orders")).isSameAs(parent.getBean("orders"));
                    assertThat(child.getBean(Orders.class)).isNotSameAs(parent.getBean(Orders.class));
                    assertThat(lockers(child).names()).isEqualTo(lockers(parent).names());
                    try (Permit permit = lockers(parent).get("orders").acquire("42")) {
                        // On another thread, as this one holds the key.
                        assertThatExceptionOfType(LockRejectedException.class)
                                .isThrownBy(() -> onAnotherThread(
                                        () -> child.getBean(Orders.class).ship("42")));
                    }
                }));
    }

    @Test
    void aChildUsesTheLockerBeanOfItsParentDespiteItsOwnProperties() {
        contexts.withUserConfiguration(OwnOrders.class)
                .run(parent -> shared.withParent(parent).withBean(Orders.class).run(child -> {
                    assertThat(child).hasNotFailed();
                    assertThat(lockers(child).<String>get("orders")).isSameAs(parent.getBean("orders"));
                }));
    }

    @Test
    void aChildUsesTheLockerBeanOfAParentWithoutAutoConfiguration() {
        try (AnnotationConfigApplicationContext parent = new AnnotationConfigApplicationContext(OwnOrders.class)) {
            contexts.withParent(parent).withBean(Orders.class).run(child -> {
                assertThat(child).hasNotFailed();
                assertThat(lockers(child).<String>get("orders")).isSameAs(parent.getBean("orders"));
            });
        }
    }

    @Test
    void aChildUsesTheLockerOfAMethodThatItsParentHasToo() {
        shared.withBean(Orders.class)
                .run(parent -> shared.withParent(parent).withBean(Orders.class).run(child -> {
                    String name = Orders.class.getName() + ".bill(String)";
                    assertThat(lockers(child).<String>get(name))
                            .isSameAs(lockers(parent).<String>get(name));
                }));
    }

    @Test
    void settingsThatDifferFromThoseOfTheParentFailTheStart() {
        shared.run(parent -> {
            contexts.withParent(parent)
                    .withPropertyValues("keyedlock.locks.orders.limit=3")
                    .run(child -> assertThat(child)
                            .getFailure()
                            .hasMessageContaining("keyedlock.locks.orders")
                            .hasMessageContaining("The parent context has a locker 'orders' with other settings")
                            .hasMessageContaining("limit=1")
                            .hasMessageContaining("limit=3"));
            shared.withParent(parent)
                    .withPropertyValues("keyedlock.locks.orders.lease-time=5s")
                    .run(child -> assertThat(child).getFailure().hasMessageContaining("leaseTime=PT5S"));
        });
    }

    @Test
    void aLockerBeanOfTheChildIsIndependent() {
        shared.run(parent -> shared.withParent(parent)
                .withUserConfiguration(OwnOrders.class)
                .withBean(Orders.class)
                .run(child -> {
                    assertThat(lockers(child).<String>get("orders"))
                            .isSameAs(child.getBean("orders"))
                            .isNotSameAs(parent.getBean("orders"));
                    assertThat(child.getBean(ContextLockers.class).existing().get("orders"))
                            .isSameAs(child.getBean("orders"));
                }));
    }

    @Test
    void endpointAndMetersShowALockerOnce() {
        SimpleMeterRegistry meters = new SimpleMeterRegistry();
        String bill = Orders.class.getName() + ".bill(String)";
        shared.withBean(MeterRegistry.class, () -> meters)
                .withBean(Orders.class)
                .run(parent -> shared.withParent(parent)
                        .withPropertyValues("keyedlock.locks.of-child.limit=1")
                        .withBean(Orders.class)
                        .run(child -> {
                            assertThat(parent.getBean(KeyedLocksEndpoint.class)
                                            .lockers()
                                            .lockers())
                                    .containsOnlyKeys("orders", bill);
                            assertThat(child.getBean(KeyedLocksEndpoint.class)
                                            .lockers()
                                            .lockers())
                                    .containsOnlyKeys("orders", bill, "of-child");
                            child.getBean(Orders.class).ship("42");
                            assertThat(meters.get("keyedlock.acquire")
                                            .tags("lock", "orders", "outcome", "acquired")
                                            .functionTimer()
                                            .count())
                                    .isEqualTo(1);
                            assertThat(meters.find("keyedlock.keys.active").gauges())
                                    .extracting(gauge -> gauge.getId().getTag("lock"))
                                    .containsExactlyInAnyOrder("orders", bill, "of-child");
                        }));
    }

    @Test
    void aChildNeitherDrainsNorClosesTheLockersOfItsParent(CapturedOutput output) {
        shared.withPropertyValues("keyedlock.shutdown.reject-new=true").run(parent -> {
            KeyedLocker<String> orders = lockers(parent).get("orders");
            try (Permit permit = orders.acquire("42")) {
                shared.withParent(parent)
                        .withPropertyValues("keyedlock.shutdown.reject-new=true", "keyedlock.shutdown.await-idle=10ms")
                        .withBean(Orders.class)
                        .run(child -> assertThat(child).hasNotFailed());
                assertThat(onAnotherThread(() -> orders.tryAcquire("41"))).hasValueSatisfying(Permit::close);
            }
            parent.close();
            assertThatExceptionOfType(KeyedLockerClosedException.class).isThrownBy(() -> orders.acquire("42"));
        });
        assertThat(output).doesNotContain("Keys are still in use");
    }

    private static KeyedLockerRegistry lockers(AssertableApplicationContext context) {
        return context.getBean(KeyedLockerRegistry.class);
    }

    static class Orders {

        @KeyedLock(name = "orders", key = "#id", policy = KeyedLock.Policy.REJECT)
        public String ship(String id) {
            return id;
        }

        @KeyedLock(key = "#id")
        public String bill(String id) {
            return id;
        }
    }

    @Configuration(proxyBeanMethods = false)
    static class OwnOrders {

        @Bean
        KeyedLocker<String> orders() {
            return KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));
        }
    }

    private static <T> T onAnotherThread(Supplier<T> task) {
        try {
            return CompletableFuture.supplyAsync(task).join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw e;
        }
    }
}
