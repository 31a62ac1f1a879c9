// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.when;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.reflect.Proxy;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.aop.AopAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.test.context.TestPropertySource;
import org.springframework.test.context.bean.override.convention.TestBean;
import org.springframework.test.context.bean.override.mockito.MockitoBean;
import org.springframework.test.context.bean.override.mockito.MockitoSpyBean;
import org.springframework.test.util.AopTestUtils;
import reactor.core.publisher.Mono;

/** Mocks and fakes that replace annotated beans, lockers and the registry. */
@ExtendWith(OutputCaptureExtension.class)
@SuppressWarnings("try") // the permit is only held
class ReplacedBeansTests {

    private final ApplicationContextRunner runner = new ApplicationContextRunner()
            .withConfiguration(AutoConfigurations.of(
                    AopAutoConfiguration.class,
                    KeyedLockAutoConfiguration.class,
                    KeyedLockAopAutoConfiguration.class,
                    KeyedLockMetricsAutoConfiguration.class,
                    KeyedLockEndpointAutoConfiguration.class,
                    KeyedLockShutdownAutoConfiguration.class))
            .withBean(SimpleMeterRegistry.class)
            .withPropertyValues("management.endpoints.web.exposure.include=*");

    // ---- in test classes

    @ParameterizedTest
    @ValueSource(
            classes = {
                MockOfAnAnnotatedBean.class,
                SpyOfAnAnnotatedBean.class,
                FakeOfAnAnnotatedBean.class,
                FinalFakeOfAnAnnotatedInterface.class,
                MockOfALockerByName.class,
                MockOfAnyLocker.class,
                SpyOfALocker.class,
                SpyOfALockerByName.class,
                FakeOfALocker.class,
                MockOfTheRegistry.class,
                FakeOfTheRegistry.class
            })
    void testRuns(Class<?> test) {
        EngineExecutionResults results = EngineTestKit.engine("junit-jupiter")
                .selectors(selectClass(test))
                .execute();
        assertThat(results.allEvents().failed().list()).isEmpty();
        results.testEvents().assertStatistics(statistics -> statistics.succeeded(1));
    }

    interface Port {

        @KeyedLock(name = "orders", key = "#id", waitTime = "0s")
        String ship(String id);
    }

    static class Orders implements Port {

        @Override
        public String ship(String id) {
            return "shipped " + id;
        }
    }

    static class Fake extends Orders {

        @Override
        public String ship(String id) {
            return "fake " + id;
        }
    }

    record FinalFake() implements Port {

        @Override
        public String ship(String id) {
            return "final fake " + id;
        }
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
    static class Application {

        @Bean
        Port port() {
            return new Orders();
        }

        @Bean
        Orders shipping() {
            return new Orders();
        }

        @Bean
        SimpleMeterRegistry meters() {
            return new SimpleMeterRegistry();
        }

        @Bean
        Client client(KeyedLocker<String> orders, KeyedLockerRegistry registry) {
            return new Client(orders, registry);
        }
    }

    /** A bean of the application that uses a locker directly. */
    record Client(KeyedLocker<String> orders, KeyedLockerRegistry registry) {}

    @SpringBootTest(classes = Application.class, webEnvironment = SpringBootTest.WebEnvironment.NONE)
    @TestPropertySource(
            properties = {
                "keyedlock.locks.orders.limit=1",
                "keyedlock.locks.others.limit=1",
                "management.endpoints.web.exposure.include=*"
            })
    abstract static class Base {

        @Autowired
        Orders shipping;

        @Autowired
        Client client;
    }

    static class MockOfAnAnnotatedBean extends Base {

        @MockitoBean(name = "shipping")
        Orders orders;

        @Test
        void isCalled() {
            when(orders.ship("42")).thenReturn("stubbed");
            assertThat(shipping.ship("42")).isEqualTo("stubbed");
        }
    }

    static class SpyOfAnAnnotatedBean extends Base {

        @MockitoSpyBean(name = "shipping")
        Orders orders;

        @Test
        void isCalledUnderTheLock() {
            try (Permit elsewhere = client.orders().acquireAsync("42").join()) {
                assertThatThrownBy(() -> shipping.ship("42")).isInstanceOf(LockTimeoutException.class);
            }
            assertThat(shipping.ship("42")).isEqualTo("shipped 42");
            verify(AopTestUtils.<Orders>getUltimateTargetObject(shipping)).ship("42");
        }
    }

    static class FakeOfAnAnnotatedBean extends Base {

        @TestBean(name = "shipping")
        Orders orders;

        static Orders orders() {
            return new Fake();
        }

        @Test
        void isCalled() {
            assertThat(shipping.ship("42")).isEqualTo("fake 42");
        }
    }

    static class FinalFakeOfAnAnnotatedInterface extends Base {

        @TestBean
        Port port;

        static Port port() {
            return new FinalFake();
        }

        @Test
        void isCalled() {
            assertThat(port.ship("42")).isEqualTo("final fake 42");
        }
    }

    /** The body neither runs unlocked nor is skipped until the mock returns a permit. */
    abstract static class WithMockedOrders extends Base {

        void check(KeyedLocker<String> orders) throws InterruptedException {
            assertThat(client.orders()).isSameAs(orders);
            assertThatThrownBy(() -> shipping.ship("42"))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("Orders.ship(String)")
                    .hasMessageContaining("the locker 'orders'")
                    .hasMessageContaining("stub its acquire and tryAcquire methods");
            when(orders.acquire(any(), any())).thenReturn(mock(Permit.class));
            assertThat(shipping.ship("42")).isEqualTo("shipped 42");
        }
    }

    static class MockOfALockerByName extends WithMockedOrders {

        @MockitoBean(name = "orders")
        KeyedLocker<String> locker;

        @Test
        void mustBeStubbed() throws InterruptedException {
            check(locker);
        }
    }

    static class MockOfAnyLocker extends WithMockedOrders {

        @MockitoBean
        KeyedLocker<?> orders;

        @Test
        @SuppressWarnings("unchecked") // a mock takes any key
        void mustBeStubbed() throws InterruptedException {
            check((KeyedLocker<String>) orders);
        }
    }

    static class SpyOfALocker extends Base {

        @MockitoSpyBean
        KeyedLocker<?> orders;

        @Test
        @SuppressWarnings("unchecked") // a spy takes any key
        void seesTheCallsOfAnnotatedMethods() throws InterruptedException {
            assertThat(shipping.ship("42")).isEqualTo("shipped 42");
            verify((KeyedLocker<String>) orders).acquire(any(), any());
        }
    }

    static class SpyOfALockerByName extends Base {

        @MockitoSpyBean(name = "orders")
        KeyedLocker<String> locker;

        @Test
        void seesTheCallsOfAnnotatedMethods() throws InterruptedException {
            assertThat(shipping.ship("42")).isEqualTo("shipped 42");
            verify(locker).acquire(any(), any());
        }
    }

    static class FakeOfALocker extends Base {

        @TestBean(name = "orders")
        KeyedLocker<String> orders;

        static KeyedLocker<String> orders() {
            return KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));
        }

        @Test
        void locks() {
            try (Permit elsewhere = orders.acquireAsync("42").join()) {
                assertThatThrownBy(() -> shipping.ship("42")).isInstanceOf(LockTimeoutException.class);
            }
            assertThat(shipping.ship("42")).isEqualTo("shipped 42");
        }
    }

    static class MockOfTheRegistry extends Base {

        @MockitoBean
        KeyedLockerRegistry registry;

        @Test
        void isForTheApplicationAlone() {
            when(registry.find("orders")).thenReturn(Optional.empty());
            assertThat(client.registry()).isSameAs(registry);
            assertThat(shipping.ship("42")).isEqualTo("shipped 42");
        }
    }

    static class FakeOfTheRegistry extends Base {

        @TestBean
        KeyedLockerRegistry registry;

        static KeyedLockerRegistry registry() {
            return new KeyedLockerRegistry() {
                @Override
                public <K> KeyedLocker<K> get(String name) {
                    return KeyedLocker.create(KeyedLockerSettings.defaults().withName(name));
                }

                @Override
                public <K> Optional<KeyedLocker<K>> find(String name) {
                    return Optional.empty();
                }

                @Override
                public java.util.Set<String> names() {
                    return java.util.Set.of();
                }
            };
        }

        @Test
        void isForTheApplicationAlone() {
            assertThat(client.registry()).isSameAs(registry);
            assertThat(shipping.ship("42")).isEqualTo("shipped 42");
        }
    }

    // ---- elsewhere

    @Test
    void registeredInstanceRunsWithoutItsLockAndOneWarningReportsIt(CapturedOutput output) {
        runner.withPropertyValues("keyedlock.locks.orders.limit=1")
                .withInitializer(context -> context.getBeanFactory().registerSingleton("handMade", new Fake()))
                .run(context ->
                        assertThat(context.getBean(Port.class).ship("42")).isEqualTo("fake 42"));
        assertThat(output)
                .containsOnlyOnce(
                        "The bean 'handMade' of class " + Fake.class.getName() + " was registered as an instance")
                .contains("registerBean(");
    }

    @Test
    void mockCreatedByTheApplicationIsLockedLikeAnyBean() {
        Orders mocked = mock(Orders.class);
        runner.withPropertyValues("keyedlock.locks.orders.limit=1")
                .withBean("mocked", Orders.class, () -> mocked)
                .run(context -> {
                    when(mocked.ship("42")).thenReturn("stubbed");
                    KeyedLocker<Object> orders =
                            context.getBean(KeyedLockerRegistry.class).get("orders");
                    Permit elsewhere = orders.acquireAsync("42").join();
                    assertThatThrownBy(() -> context.getBean(Orders.class).ship("42"))
                            .isInstanceOf(LockTimeoutException.class);
                    elsewhere.close();
                    assertThat(context.getBean(Orders.class).ship("42")).isEqualTo("stubbed");
                });
    }

    static class AllKinds {

        private final AtomicInteger bodies = new AtomicInteger();

        public int bodies() {
            return bodies.get();
        }

        @KeyedLock(name = "orders", key = "#id")
        public void block(String id) {
            bodies.incrementAndGet();
        }

        @KeyedLock(name = "orders", key = "#id", limit = 3)
        public void limited(String id) {
            bodies.incrementAndGet();
        }

        @KeyedLock(name = "orders", keys = "{#id}")
        public void several(String id) {
            bodies.incrementAndGet();
        }

        @KeyedLock(name = "orders", key = "#id", policy = KeyedLock.Policy.REJECT)
        public void reject(String id) {
            bodies.incrementAndGet();
        }

        @KeyedLock(name = "orders", key = "#id", policy = KeyedLock.Policy.SKIP)
        public void skip(String id) {
            bodies.incrementAndGet();
        }

        @KeyedLock(name = "orders", key = "#id")
        public CompletableFuture<Void> stage(String id) {
            bodies.incrementAndGet();
            return CompletableFuture.completedFuture(null);
        }

        @KeyedLock(name = "orders", keys = "{#id}")
        public CompletableFuture<Void> severalInStage(String id) {
            bodies.incrementAndGet();
            return CompletableFuture.completedFuture(null);
        }

        @KeyedLock(name = "orders", key = "#id", policy = KeyedLock.Policy.SKIP)
        public CompletableFuture<Void> skippedStage(String id) {
            bodies.incrementAndGet();
            return CompletableFuture.completedFuture(null);
        }

        @KeyedLock(name = "orders", key = "#id")
        public Mono<String> publisher(String id) {
            bodies.incrementAndGet();
            return Mono.just(id);
        }
    }

    /** Fakes of Mockito and of the JDK: one returns empty Optionals, the other null from every method. */
    static KeyedLocker<?> mockOf(String library) {
        return library.equals("mockito")
                ? mock(KeyedLocker.class)
                : (KeyedLocker<?>) Proxy.newProxyInstance(
                        ReplacedBeansTests.class.getClassLoader(),
                        new Class<?>[] {KeyedLocker.class},
                        (proxy, method, arguments) -> switch (method.getName()) {
                            case "hashCode" -> 1;
                            case "equals" -> proxy == arguments[0];
                            case "toString" -> "mock";
                            case "activeKeyCount" -> 0;
                            default -> null;
                        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"mockito", "jdk"})
    @SuppressWarnings({"unchecked", "rawtypes"})
    void lockerThatReturnsNullNeitherSkipsNorRunsUnlocked(String library) {
        KeyedLocker locker = mockOf(library);
        runner.withBean("orders", KeyedLocker.class, () -> locker)
                .withBean(AllKinds.class)
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    AllKinds bean = context.getBean(AllKinds.class);
                    fails(() -> bean.block("42"));
                    fails(() -> bean.limited("42"));
                    fails(() -> bean.several("42"));
                    fails(() -> bean.stage("42").join());
                    fails(() -> bean.severalInStage("42").join());
                    fails(() -> bean.skippedStage("42").join());
                    fails(() -> bean.publisher("42").block());
                    if (library.equals("mockito")) {
                        // An empty Optional means that the key is held.
                        assertThatThrownBy(() -> bean.reject("42"))
                                .isInstanceOf(LockRejectedException.class)
                                .hasMessageContaining("such as a mock");
                        bean.skip("42");
                    } else {
                        fails(() -> bean.reject("42"));
                        fails(() -> bean.skip("42"));
                    }
                    assertThat(bean.bodies()).isZero();
                });
    }

    @Test
    @SuppressWarnings({"unchecked", "rawtypes"})
    void acquisitionThatCompletesWithNullFails() {
        KeyedLocker locker = mock(KeyedLocker.class);
        CompletableFuture<Permit> late = new CompletableFuture<>();
        runner.withBean("orders", KeyedLocker.class, () -> locker)
                .withBean(AllKinds.class)
                .run(context -> {
                    AllKinds bean = context.getBean(AllKinds.class);
                    when(locker.acquireAsync(any())).thenReturn(CompletableFuture.completedFuture(null));
                    fails(() -> bean.stage("42").join());
                    fails(() -> bean.publisher("42").block());
                    when(locker.acquireAsync(any())).thenReturn(late);
                    CompletableFuture<Void> stage = bean.stage("42");
                    CompletableFuture<String> publisher = bean.publisher("42").toFuture();
                    late.complete(null);
                    fails(stage::join);
                    fails(publisher::join);
                    assertThat(bean.bodies()).isZero();
                });
    }

    private static void fails(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call)
                .satisfiesAnyOf(
                        failure -> assertThat(failure).isInstanceOf(IllegalStateException.class),
                        failure -> assertThat(failure).hasCauseInstanceOf(IllegalStateException.class))
                .hasMessageContaining("returned null instead of a permit");
    }
}
