// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.test;

import static io.keyedlock.test.Runs.classFailures;
import static io.keyedlock.test.Runs.run;
import static io.keyedlock.test.Runs.runConcurrently;
import static io.keyedlock.test.Runs.testFailures;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.InstanceOfAssertFactories.THROWABLE;
import static org.assertj.core.api.InstanceOfAssertFactories.array;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.testkit.engine.EngineExecutionResults;

/** Each nested class that is not {@code @Nested} is a test class that one test runs. */
class KeyedLockExtensionTests {

    /** Nothing that passes waits for so long. */
    private static final Duration LONG = Duration.ofSeconds(60);

    private static KeyedLocker<String> locker(String name) {
        return KeyedLocker.create(KeyedLockerSettings.defaults().withName(name));
    }

    private static void passes(EngineExecutionResults results, long tests) {
        results.allEvents().assertStatistics(statistics -> statistics.failed(0));
        results.testEvents().assertStatistics(statistics -> statistics.succeeded(tests));
    }

    @Nested
    class WhatItTells {

        @Test
        void testThatReleasesPasses() {
            passes(run(GivesBack.class), 2);
        }

        @Test
        void leakIsReportedWithItsHolderAndItsWaiters() {
            EngineExecutionResults results = run(Leaks.class);

            assertThat(testFailures(results))
                    .singleElement(THROWABLE)
                    .isInstanceOf(AssertionError.class)
                    .message()
                    .startsWith("One key is still active after the test leaves(")
                    .containsPattern(
                            "\n  key '42' of 'orders': held by 'the leaker' \\(thread \\d+\\) for at least PT\\S+;"
                                    + " awaited by 2: an asynchronous caller for PT\\S+, an asynchronous caller for PT")
                    .contains("withGrace");
            assertThat(classFailures(results)).isEmpty();
        }

        @Test
        void asynchronousHolderIsReportedAsSuch() {
            assertThat(testFailures(run(LeaksAsynchronously.class)))
                    .singleElement(THROWABLE)
                    .message()
                    .contains("key '7' of 'async orders': held by an asynchronous caller for at least PT")
                    .contains("; awaited by nobody");
        }

        @Test
        void keysAreNamedOnlyIfTheLockerAllowsIt() {
            assertThat(testFailures(run(LeaksASecret.class)))
                    .singleElement(THROWABLE)
                    .message()
                    .contains("\n  a key of 'secrets': held by '")
                    .doesNotContain("swordfish");
        }

        @Test
        void manyKeysAreCut() {
            assertThat(testFailures(run(LeaksMany.class)))
                    .singleElement(THROWABLE)
                    .message()
                    .startsWith("25 keys are still active")
                    .contains("\n  and 15 more\n")
                    .satisfies(text -> assertThat(text.split("key '", -1)).hasSize(11));
        }

        @Test
        void failureOfTheTestStaysOnTop() {
            assertThat(testFailures(run(FailsAndLeaks.class)))
                    .singleElement(THROWABLE)
                    .hasMessage("the test's own failure")
                    .extracting(Throwable::getSuppressed, array(Throwable[].class))
                    .singleElement(THROWABLE)
                    .hasMessageContaining("key '42' of 'orders'");
        }

        @Test
        void abortedTestThatLeaksFails() {
            assertThat(testFailures(run(AbortsAndLeaks.class)))
                    .singleElement(THROWABLE)
                    .hasMessageContaining("key '42' of 'orders'");
        }

        @Test
        void eachTestReportsItsOwnLeakOnce() {
            EngineExecutionResults results = run(LeaksTwice.class);

            assertThat(testFailures(results))
                    .extracting(Throwable::getMessage)
                    .satisfiesExactly(
                            first -> assertThat(first)
                                    .startsWith("One key")
                                    .contains("the test first(")
                                    .contains("key 'first'"),
                            third -> assertThat(third)
                                    .startsWith("One key")
                                    .contains("the test third(")
                                    .contains("key 'third'"));
            results.testEvents().assertStatistics(statistics -> statistics.succeeded(1));
            assertThat(classFailures(results)).isEmpty();
        }

        @Test
        void eachInvocationOfAParameterizedTestIsChecked() {
            EngineExecutionResults results = run(LeaksForOneParameter.class);

            assertThat(testFailures(results)).singleElement(THROWABLE).hasMessageContaining("key 'b'");
            results.testEvents().assertStatistics(statistics -> statistics.succeeded(2));
            assertThat(classFailures(results)).isEmpty();
        }
    }

    @Nested
    class WhenItLooks {

        @Test
        void afterMethodsAndExtensionsThatCleanUp() {
            passes(run(IsCleanedUp.class), 1);
        }

        @Test
        void workInTheBackgroundIsAwaited() {
            passes(run(GivesBackAWhileLater.class), 1);
        }

        @Test
        void keyAcquiredAfterAnIdleMomentIsAwaited() {
            passes(run(TakesAnotherKeyMeanwhile.class), 1);
        }

        /** Interrupted where it waits for the locker to become idle, which it never does. */
        @Test
        @Timeout(60)
        void workInTheBackgroundIsAwaitedBesideAKeyThatIsHeldForTheClass() {
            passes(run(GivesBackBesideAKeyOfTheClass.class), 1);
        }

        @Test
        void withoutGraceItChecksOnce() {
            assertThat(testFailures(run(GivesBackTooLate.class))).hasSize(1);
        }

        @Test
        void leakOfAClassIsReportedAfterIt() {
            EngineExecutionResults results = run(ClassLeaks.class);

            passesAllTests(results, 1);
            assertThat(classFailures(results))
                    .singleElement(THROWABLE)
                    .message()
                    .startsWith(
                            "2 keys are still active after the tests of the class KeyedLockExtensionTests$ClassLeaks (grace PT0S):")
                    .contains("key 'before'", "key 'after'");
        }

        @Test
        void keyThatAClassHoldsForItsTestsIsNotTheirLeak() {
            passes(run(ClassHoldsMeanwhile.class), 1);
        }

        @Test
        void nestedClassReportsItsOwnLeaks() {
            EngineExecutionResults results = run(Outer.class);

            assertThat(testFailures(results)).singleElement(THROWABLE).hasMessageContaining("key 'inner test'");
            assertThat(classFailures(results))
                    .singleElement(THROWABLE)
                    .message()
                    .startsWith("One key is still active after the tests of the class Inner")
                    .contains("key 'inner class'");
        }

        @Test
        void oneInstancePerClassWorksWithAnInstanceField() {
            EngineExecutionResults results = run(PerClass.class);

            assertThat(testFailures(results)).singleElement(THROWABLE).hasMessageContaining("key 'leak'");
            results.testEvents().assertStatistics(statistics -> statistics.succeeded(1));
            assertThat(classFailures(results)).isEmpty();
        }

        @Test
        void concurrentTestsThatShareALockerAreCheckedTogether() {
            EngineExecutionResults results = runConcurrently(Concurrent.class);

            passesAllTests(results, 3);
            assertThat(classFailures(results))
                    .singleElement(THROWABLE)
                    .message()
                    .startsWith(
                            "One key is still active after the tests of the class KeyedLockExtensionTests$Concurrent (grace PT0S):")
                    .contains("key 'leak'");
        }

        @Test
        void testDoesNotReportKeysOfConcurrentOnes() {
            EngineExecutionResults results = runConcurrently(PartlyConcurrent.class);

            passesAllTests(results, 2);
            assertThat(classFailures(results)).singleElement(THROWABLE).hasMessageContaining("key 'leak'");
        }

        @Test
        void concurrentTestsWithTheirOwnLockersAreCheckedSeparately() {
            EngineExecutionResults results = runConcurrently(ConcurrentApart.class);

            assertThat(testFailures(results)).singleElement(THROWABLE).hasMessageContaining("key 'leak'");
            results.testEvents().assertStatistics(statistics -> statistics.succeeded(1));
        }

        @Test
        void testsThatDoNotRunConcurrentlyAreCheckedSeparately() {
            EngineExecutionResults results = run(OneByOneAllTheSame.class);

            assertThat(testFailures(results)).hasSize(1);
            assertThat(classFailures(results)).isEmpty();
        }

        private static void passesAllTests(EngineExecutionResults results, long tests) {
            results.testEvents()
                    .assertStatistics(statistics -> statistics.succeeded(tests).failed(0));
        }
    }

    @Nested
    class Lookups {

        @Test
        void registryIsReadAgainWhenTheTestEnds() {
            assertThat(testFailures(run(LeaksFromARegistry.class)))
                    .singleElement(THROWABLE)
                    .message()
                    .contains("key '1' of 'there before'")
                    .contains("key '2' of 'made meanwhile'");
        }

        @Test
        void registryMayBeCreatedAfterTheExtension() {
            assertThat(testFailures(run(LeaksFromALateRegistry.class)))
                    .singleElement(THROWABLE)
                    .message()
                    .startsWith("One key")
                    .contains("key '42' of 'late'");
        }

        @Test
        void needsALocker() {
            assertThatIllegalArgumentException()
                    .isThrownBy(KeyedLockExtension::of)
                    .withMessageContaining("No locker was given");
            assertThatNullPointerException()
                    .isThrownBy(() -> KeyedLockExtension.of((KeyedLockerRegistry) null))
                    .withMessage("registry");
            assertThatNullPointerException()
                    .isThrownBy(() -> KeyedLockExtension.of((Supplier<KeyedLockerRegistry>) null))
                    .withMessage("registry");
        }

        @Test
        void graceIsNotNegative() {
            KeyedLockExtension extension = KeyedLockExtension.of(locker("orders"));

            assertThatIllegalArgumentException()
                    .isThrownBy(() -> extension.withGrace(Duration.ofSeconds(-1)))
                    .withMessage("grace must not be negative, but is PT-1S");
        }
    }

    @Nested
    class Interrupts {

        @Test
        void flagIsRestored() {
            passes(run(IsInterrupted.class), 1);
            assertThat(IsInterrupted.flags.seen).isTrue();
        }

        @Test
        void noFlagIsSetIfNoneWas() {
            passes(run(IsNotInterrupted.class), 1);
            assertThat(IsNotInterrupted.flags.seen).isFalse();
        }

        @Test
        @Timeout(60)
        void interruptEndsTheWaitAndKeepsTheFlag() {
            assertThat(testFailures(run(IsInterruptedWhileWaiting.class)))
                    .singleElement(THROWABLE)
                    .hasMessageContaining("key '42' of 'orders'");
            assertThat(IsInterruptedWhileWaiting.flags.seen).isTrue();
        }
    }

    static class GivesBack {

        static final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        static final KeyedLockExtension locks = KeyedLockExtension.of(orders);

        @Test
        void nothing() {}

        @Test
        void runs() throws Exception {
            orders.run("42", () -> {});
        }
    }

    static class Leaks {

        final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        void leaves() throws Exception {
            Thread leaker = new Thread(() -> orders.tryAcquire("42"), "the leaker");
            leaker.start();
            leaker.join();
            CompletableFuture<Permit> first = orders.acquireAsync("42");
            CompletableFuture<Permit> second = orders.acquireAsync("42");
            assertThat(List.of(first, second)).noneMatch(CompletableFuture::isDone);
        }
    }

    static class LeaksAsynchronously {

        final KeyedLocker<Integer> orders =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("async orders"));

        @RegisterExtension
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        void leaves() {
            orders.acquireAsync(7).join();
        }
    }

    static class LeaksASecret {

        final KeyedLocker<String> secrets = KeyedLocker.create(
                KeyedLockerSettings.defaults().withName("secrets").withShowKeys(false));

        @RegisterExtension
        final KeyedLockExtension locks = KeyedLockExtension.of(secrets).withGrace(Duration.ZERO);

        @Test
        void leaves() {
            secrets.tryAcquire("swordfish");
        }
    }

    static class LeaksMany {

        final KeyedLocker<Integer> orders = KeyedLocker.create();

        @RegisterExtension
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        void leaves() {
            for (int i = 0; i < 25; i++) {
                orders.tryAcquire(i);
            }
        }
    }

    static class FailsAndLeaks {

        final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        void fails() {
            orders.tryAcquire("42");
            throw new IllegalStateException("the test's own failure");
        }
    }

    static class AbortsAndLeaks {

        final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        void aborts() {
            orders.tryAcquire("42");
            Assumptions.abort("not today");
        }
    }

    @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
    static class LeaksTwice {

        static final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        static final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        @Order(1)
        void first() {
            orders.tryAcquire("first");
        }

        @Test
        @Order(2)
        void second() {}

        @Test
        @Order(3)
        void third() {
            orders.tryAcquire("third");
        }
    }

    static class LeaksForOneParameter {

        static final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        static final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @ParameterizedTest
        @ValueSource(strings = {"a", "b", "c"})
        void leaves(String key) {
            Permit permit = orders.tryAcquire(key).orElseThrow();
            if (!key.equals("b")) {
                permit.close();
            }
        }
    }

    static class IsCleanedUp {

        final KeyedLocker<String> orders = locker("orders");

        Permit first;
        Permit second;

        @RegisterExtension
        @Order(1)
        final AfterEachCallback registeredBefore = context -> first.close();

        @RegisterExtension
        @Order(2)
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        void takes() {
            first = orders.tryAcquire("1").orElseThrow();
            second = orders.tryAcquire("2").orElseThrow();
        }

        @AfterEach
        void cleanUp() {
            second.close();
        }
    }

    /** A locker that runs an action as soon as a caller waits for its idle moment. */
    @SuppressWarnings("unchecked")
    private static KeyedLocker<String> locker(KeyedLocker<String> behind, Runnable onAwaitIdle) {
        return (KeyedLocker<String>) Proxy.newProxyInstance(
                KeyedLocker.class.getClassLoader(), new Class<?>[] {KeyedLocker.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("awaitIdle")) {
                        onAwaitIdle.run();
                    }
                    try {
                        return method.invoke(behind, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    static class GivesBackAWhileLater {

        final AtomicReference<Permit> held = new AtomicReference<>();

        final KeyedLocker<String> orders =
                locker(locker("orders"), () -> held.get().close());

        @RegisterExtension
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(LONG);

        @Test
        void takes() {
            held.set(orders.tryAcquire("42").orElseThrow());
        }
    }

    static class TakesAnotherKeyMeanwhile {

        final KeyedLocker<String> customers = locker("customers");

        final AtomicReference<Permit> order = new AtomicReference<>();
        final AtomicReference<Permit> customer = new AtomicReference<>();

        final KeyedLocker<String> watchedCustomers =
                locker(customers, () -> customer.get().close());

        final KeyedLocker<String> orders = locker(locker("orders"), () -> {
            customer.set(customers.tryAcquire("7").orElseThrow());
            order.get().close();
        });

        @RegisterExtension
        final KeyedLockExtension locks =
                KeyedLockExtension.of(watchedCustomers, orders).withGrace(LONG);

        @Test
        void takes() {
            order.set(orders.tryAcquire("42").orElseThrow());
        }
    }

    static class GivesBackBesideAKeyOfTheClass {

        static final AtomicReference<Permit> held = new AtomicReference<>();

        static final KeyedLocker<String> orders =
                locker(locker("orders"), () -> held.get().close());

        /** Longer than anybody waits. */
        @RegisterExtension
        static final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ofDays(300 * 365));

        static Permit ofTheClass;

        @BeforeAll
        static void take() {
            ofTheClass = orders.tryAcquire("of the class").orElseThrow();
        }

        @Test
        void takes() {
            held.set(orders.tryAcquire("42").orElseThrow());
        }

        @AfterAll
        static void giveBack() {
            ofTheClass.close();
        }
    }

    static class GivesBackTooLate {

        final AtomicReference<Permit> held = new AtomicReference<>();

        final KeyedLocker<String> orders =
                locker(locker("orders"), () -> held.get().close());

        @RegisterExtension
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        void takes() {
            held.set(orders.tryAcquire("42").orElseThrow());
        }
    }

    static class ClassLeaks {

        static final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        static final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @BeforeAll
        static void before() {
            orders.tryAcquire("before");
        }

        @Test
        void nothing() {}

        @AfterAll
        static void after() {
            orders.tryAcquire("after");
        }
    }

    static class ClassHoldsMeanwhile {

        static final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        static final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        static Permit permit;

        @BeforeAll
        static void before() {
            permit = orders.tryAcquire("of the class").orElseThrow();
        }

        @Test
        void nothing() {}

        @AfterAll
        static void after() {
            permit.close();
        }
    }

    static class Outer {

        static final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        static final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        void nothing() {}

        @Nested
        class Inner {

            @BeforeAll
            static void before() {
                orders.tryAcquire("inner class");
            }

            @Test
            void leaves() {
                orders.tryAcquire("inner test");
            }
        }
    }

    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
    static class PerClass {

        final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        Permit permit;

        @BeforeAll
        void before() {
            permit = orders.tryAcquire("of the class").orElseThrow();
        }

        @Test
        @Order(1)
        void leaves() {
            orders.tryAcquire("leak");
        }

        @Test
        @Order(2)
        void nothing() {}

        @AfterAll
        void after() {
            permit.close();
        }
    }

    @Execution(ExecutionMode.CONCURRENT)
    static class Concurrent {

        static final KeyedLocker<String> orders = locker("orders");

        static final CountDownLatch held = new CountDownLatch(1);
        static final CountDownLatch othersAreOver = new CountDownLatch(2);

        /** Registered first, so that what it puts into the store is closed last. */
        @RegisterExtension
        @Order(1)
        static final BeforeEachCallback over = new AtTheVeryEnd(context -> {
            if (!context.getDisplayName().startsWith("holds")) {
                othersAreOver.countDown();
            }
        });

        @RegisterExtension
        @Order(2)
        static final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        void holds() throws Exception {
            orders.call("held meanwhile", () -> {
                held.countDown();
                return await(othersAreOver);
            });
        }

        @Test
        void leaves() throws Exception {
            await(held);
            orders.tryAcquire("leak");
        }

        @Nested
        class Inner {

            @Test
            void nothing() throws Exception {
                await(held);
            }
        }
    }

    static class PartlyConcurrent {

        static final KeyedLocker<String> orders = locker("orders");

        static final CountDownLatch held = new CountDownLatch(1);
        static final CountDownLatch otherIsOver = new CountDownLatch(1);

        @RegisterExtension
        @Order(1)
        static final BeforeEachCallback over = new AtTheVeryEnd(context -> {
            if (!context.getDisplayName().startsWith("holds")) {
                otherIsOver.countDown();
            }
        });

        @RegisterExtension
        @Order(2)
        static final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        @Execution(ExecutionMode.CONCURRENT)
        void holds() throws Exception {
            orders.call("held meanwhile", () -> {
                held.countDown();
                return await(otherIsOver);
            });
        }

        @Test
        @Execution(ExecutionMode.SAME_THREAD)
        void leaves() throws Exception {
            await(held);
            orders.tryAcquire("leak");
        }
    }

    private static boolean await(CountDownLatch latch) throws InterruptedException {
        if (!latch.await(60, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the tests do not run at once");
        }
        return true;
    }

    @Execution(ExecutionMode.CONCURRENT)
    static class ConcurrentApart {

        final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        void leaves() {
            orders.tryAcquire("leak");
        }

        @Test
        void nothing() {}
    }

    @Execution(ExecutionMode.CONCURRENT)
    static class OneByOneAllTheSame {

        static final KeyedLocker<String> orders = locker("orders");

        @RegisterExtension
        static final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ZERO);

        @Test
        void leaves() {
            orders.tryAcquire("leak");
        }

        @Test
        void nothing() {}
    }

    static class LeaksFromARegistry {

        final FixedRegistry registry = new FixedRegistry(Map.of("there before", locker("there before")));

        @RegisterExtension
        final KeyedLockExtension locks = KeyedLockExtension.of(registry).withGrace(Duration.ZERO);

        @Test
        void leaves() {
            registry.<String>get("there before").tryAcquire("1");
            registry.add(locker("made meanwhile"));
            registry.<String>get("made meanwhile").tryAcquire("2");
        }
    }

    static class LeaksFromALateRegistry {

        static FixedRegistry registry;

        @RegisterExtension
        static final KeyedLockExtension locks =
                KeyedLockExtension.of(() -> registry).withGrace(Duration.ZERO);

        @BeforeAll
        static void make() {
            registry = new FixedRegistry(Map.of("late", locker("late")));
            registry.get("late").tryAcquire("held when the first test begins");
        }

        @Test
        void leaves() {
            registry.get("late").tryAcquire("42");
        }

        @BeforeEach
        void nothing() {}
    }

    static class IsInterrupted {

        static final AtTheVeryEnd flags = AtTheVeryEnd.flag();

        final AtomicReference<Permit> held = new AtomicReference<>();

        final AtomicInteger waits = new AtomicInteger();

        /** Gives back during the second wait, which there is only if the flag does not end the first. */
        final KeyedLocker<String> orders = locker(locker("orders"), () -> {
            if (waits.incrementAndGet() == 2) {
                held.get().close();
            }
        });

        @RegisterExtension
        @Order(1)
        final BeforeEachCallback first = flags;

        @RegisterExtension
        @Order(2)
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(LONG);

        @Test
        void takes() {
            held.set(orders.tryAcquire("42").orElseThrow());
            Thread.currentThread().interrupt();
        }
    }

    static class IsNotInterrupted {

        static final AtTheVeryEnd flags = AtTheVeryEnd.flag();

        final AtomicReference<Permit> held = new AtomicReference<>();

        final KeyedLocker<String> orders =
                locker(locker("orders"), () -> held.get().close());

        @RegisterExtension
        @Order(1)
        final BeforeEachCallback first = flags;

        @RegisterExtension
        @Order(2)
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(LONG);

        @Test
        void takes() {
            held.set(orders.tryAcquire("42").orElseThrow());
        }
    }

    static class IsInterruptedWhileWaiting {

        static final AtTheVeryEnd flags = AtTheVeryEnd.flag();

        final KeyedLocker<String> orders =
                locker(locker("orders"), () -> Thread.currentThread().interrupt());

        @RegisterExtension
        @Order(1)
        final BeforeEachCallback first = flags;

        /** Longer than anybody waits. */
        @RegisterExtension
        @Order(2)
        final KeyedLockExtension locks = KeyedLockExtension.of(orders).withGrace(Duration.ofDays(1));

        @Test
        void leaves() {
            orders.tryAcquire("42");
        }
    }

    /** Does something when a test is over, later than an extension that was registered after this one. */
    static final class AtTheVeryEnd implements BeforeEachCallback {

        private final Consumer<ExtensionContext> action;

        volatile boolean seen;

        AtTheVeryEnd(Consumer<ExtensionContext> action) {
            this.action = action;
        }

        /** Takes the interrupt flag, so that no other test finds it. */
        static AtTheVeryEnd flag() {
            return new AtTheVeryEnd(context -> {});
        }

        @Override
        public void beforeEach(ExtensionContext context) {
            context.getStore(ExtensionContext.Namespace.create(AtTheVeryEnd.class))
                    .put("end", new End(() -> {
                        seen = Thread.interrupted();
                        action.accept(context);
                    }));
        }

        private record End(Runnable action) implements ExtensionContext.Store.CloseableResource, AutoCloseable {

            @Override
            public void close() {
                action.run();
            }
        }
    }
}
