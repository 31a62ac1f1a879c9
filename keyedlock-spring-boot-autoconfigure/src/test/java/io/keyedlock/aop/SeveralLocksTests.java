// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import io.reactivex.rxjava3.core.Single;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.core.annotation.AliasFor;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;
import org.springframework.transaction.support.TransactionSynchronizationUtils;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Multiple locks on one method. */
class SeveralLocksTests {

    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private final List<String> events = new CopyOnWriteArrayList<>();

    private final ApplicationContextRunner runner = Contexts.runner(Renderer.class)
            .withPropertyValues("keyedlock.locks.tenants.limit=2", "keyedlock.locks.documents.limit=1")
            .withBean(KeyedLockerListener.class, () -> new Ear("", events));

    /** Records the order of acquisitions and releases of all lockers. */
    private record Ear(String locker, List<String> events) implements KeyedLockerListener {

        @Override
        public KeyedLockerListener forLocker(String name) {
            return new Ear(name, events);
        }

        @Override
        public void acquired(Object key, Duration waited) {
            events.add("+" + locker + " " + key);
        }

        @Override
        public void released(Object key, Duration held) {
            events.add("-" + locker + " " + key);
        }
    }

    private interface Check {
        void on(Renderer renderer, KeyedLocker<Object> tenants, KeyedLocker<Object> documents) throws Exception;
    }

    private void run(Check check) {
        runner.run(context -> {
            KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
            check.on(context.getBean(Renderer.class), lockers.get("tenants"), lockers.get("documents"));
            assertThat(lockers.get("tenants").activeKeys()).isEmpty();
            assertThat(lockers.get("documents").activeKeys()).isEmpty();
        });
    }

    private void assertInOrder() {
        assertThat(events).containsExactly("+documents d", "+tenants t", "-tenants t", "-documents d");
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "otherOrder", "composed", "mixed", "onInterface"})
    void locksAreAcquiredInTheOrderOfLockersAndReleasedInReverse(String method) {
        run((renderer, tenants, documents) -> {
            boolean held = switch (method) {
                case "plain" -> renderer.plain("t", "d");
                case "otherOrder" -> renderer.otherOrder("t", "d");
                case "composed" -> renderer.composed("t", "d");
                case "mixed" -> renderer.mixed("t", "d");
                default -> renderer.onInterface("t", "d");
            };
            assertThat(held).isTrue();
            assertInOrder();
        });
    }

    @Test
    void stageHoldsBothUntilItHasCompleted() {
        run((renderer, tenants, documents) -> {
            CompletableFuture<String> work = new CompletableFuture<>();
            CompletableFuture<String> result = renderer.stage("t", "d", work);
            assertThat(tenants.isActive("t")).isTrue();
            assertThat(documents.isActive("d")).isTrue();
            work.complete("done");
            assertThat(result.get(2, TimeUnit.MINUTES)).isEqualTo("done");
            assertInOrder();
        });
    }

    @Test
    void stageWhoseSecondKeyIsInvalidFailsAndReleasesTheFirst() {
        run((renderer, tenants, documents) -> {
            CompletableFuture<String> result = renderer.stage(null, "d", new CompletableFuture<>());
            assertThatThrownBy(() -> result.get(2, TimeUnit.MINUTES)).hasCauseInstanceOf(LockKeyException.class);
        });
    }

    @Test
    void stageThatIsCancelledWhileItWaitsForTheSecondLockReleasesTheFirst() {
        run((renderer, tenants, documents) -> {
            List<Permit> held = List.of(
                    tenants.acquireAsync("t").join(), tenants.acquireAsync("t").join());
            CompletableFuture<String> result = renderer.stage("t", "d", new CompletableFuture<>());
            assertThat(documents.isActive("d")).isTrue();
            assertThat(result.cancel(true)).isTrue();
            assertThat(documents.isActive("d")).isFalse();
            held.forEach(Permit::close);
        });
    }

    @Test
    void stageThatCannotBeCancelledKeepsBothUntilItHasCompleted() {
        run((renderer, tenants, documents) -> {
            CompletableFuture<String> work = new CompletableFuture<>() {
                @Override
                public boolean cancel(boolean mayInterruptIfRunning) {
                    return false;
                }
            };
            CompletableFuture<String> result = renderer.stage("t", "d", work);
            assertThat(result.cancel(true)).isTrue();
            assertThat(tenants.isActive("t")).isTrue();
            assertThat(documents.isActive("d")).isTrue();
            work.complete("done");
            assertInOrder();
        });
    }

    @Test
    void inATransactionTheFirstIsReleasedAtOnceIfTheSecondIsNotAvailable() {
        run((renderer, tenants, documents) -> {
            List<Permit> held = List.of(
                    tenants.acquireAsync("t").join(), tenants.acquireAsync("t").join());
            TransactionSynchronizationManager.initSynchronization();
            TransactionSynchronizationManager.setActualTransactionActive(true);
            try {
                assertThatThrownBy(() -> renderer.rejecting("t", "d")).isInstanceOf(LockRejectedException.class);
                assertThat(documents.isActive("d")).isFalse();
                assertThat(renderer.skipping("t", "d")).isEmpty();
                assertThat(documents.isActive("d")).isFalse();
                held.forEach(Permit::close);
                assertThat(renderer.skipping("t", "d")).hasValue("done");
                assertThat(documents.isActive("d")).isTrue();
                assertThat(tenants.isActive("t")).isTrue();
                TransactionSynchronizationUtils.triggerAfterCompletion(TransactionSynchronization.STATUS_COMMITTED);
            } finally {
                TransactionSynchronizationManager.clear();
            }
        });
    }

    @Test
    void monoHoldsBothForEachSubscription() {
        run((renderer, tenants, documents) -> {
            Mono<String> rendered = renderer.mono(
                    "t", "d", Mono.fromSupplier(() -> tenants.activeKeys() + " " + documents.activeKeys()));
            assertThat(events).isEmpty();
            assertThat(rendered.block(PATIENCE)).isEqualTo("[t] [d]");
            assertInOrder();
            assertThat(rendered.block(PATIENCE)).isEqualTo("[t] [d]");
            assertThat(events).hasSize(8);
        });
    }

    @Test
    void fluxHoldsBothUntilItIsCancelled() {
        run((renderer, tenants, documents) -> {
            Sinks.Many<String> rows = Sinks.many().unicast().onBackpressureBuffer();
            rows.tryEmitNext("one");
            assertThat(renderer.flux("t", "d", rows.asFlux())
                            .take(1)
                            .collectList()
                            .block(PATIENCE))
                    .containsExactly("one");
            assertInOrder();
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"mono", "single", "stage"})
    void methodThatIsRunningWhenItsCallIsCancelledKeepsBoth(String kind) {
        run((renderer, tenants, documents) -> {
            Work work = new Work();
            List<Permit> held = List.of(
                    tenants.acquireAsync("t").join(), tenants.acquireAsync("t").join());
            Runnable cancel = switch (kind) {
                case "mono" -> renderer.slowMono("t", "d", work).subscribe()::dispose;
                case "single" -> renderer.slowSingle("t", "d", work).subscribe()::dispose;
                default -> cancelling(renderer.slowStage("t", "d", work));
            };
            // The rest of the call runs on another thread.
            held.forEach(Permit::close);
            await(work.called);
            events.clear();
            cancel.run();
            assertThat(tenants.isActive("t")).isTrue();
            assertThat(documents.isActive("d")).isTrue();
            work.mayReturn.countDown();
            Awaitility.await()
                    .atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(events).containsExactly("-tenants t", "-documents d"));
        });
    }

    @Test
    void callThatReturnsTheFutureOfALockedCallKeepsItsKeyUntilThatMethodHasReturned() {
        runner.withBean(Caller.class)
                .withPropertyValues("keyedlock.locks.callers.limit=1")
                .run(context -> {
                    KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
                    KeyedLocker<Object> documents = lockers.get("documents");
                    KeyedLocker<Object> callers = lockers.get("callers");
                    Work work = new Work();
                    Permit held = documents.acquireAsync("d").join();
                    Runnable cancel = cancelling(context.getBean(Caller.class).call("c", work));
                    held.close();
                    await(work.called);
                    cancel.run();
                    assertThat(callers.isActive("c")).isTrue();
                    work.mayReturn.countDown();
                    Awaitility.await().atMost(PATIENCE).until(() -> !callers.isActive("c"));
                    assertThat(documents.isActive("d")).isFalse();
                });
    }

    private static Runnable cancelling(CompletableFuture<?> result) {
        return () -> assertThat(result.cancel(true)).isTrue();
    }

    /** A method that returns when the test lets it. */
    private static final class Work implements Runnable {

        private final CountDownLatch called = new CountDownLatch(1);
        private final CountDownLatch mayReturn = new CountDownLatch(1);

        @Override
        public void run() {
            called.countDown();
            await(mayReturn);
        }
    }

    static class Caller {

        private final Renderer renderer;

        Caller(Renderer renderer) {
            this.renderer = renderer;
        }

        @KeyedLock(name = "callers", key = "#caller")
        public CompletableFuture<String> call(String caller, Runnable work) {
            return renderer.slowStage("t", "d", work);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(2, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void monoWaitsForTheSecondLockAndAcquiresIt() throws Exception {
        run((renderer, tenants, documents) -> {
            List<Permit> held = List.of(
                    tenants.acquireAsync("t").join(), tenants.acquireAsync("t").join());
            CompletableFuture<String> result =
                    renderer.mono("t", "d", Mono.just("done")).toFuture();
            assertThat(result).isNotDone();
            assertThat(documents.isActive("d")).isTrue();
            held.forEach(Permit::close);
            assertThat(result.get(2, TimeUnit.MINUTES)).isEqualTo("done");
        });
    }

    @Test
    void ifTheSecondLockIsRejectedTheFirstIsReleasedAndTheExceptionNamesTheSecond() {
        run((renderer, tenants, documents) -> {
            List<Permit> held = List.of(
                    tenants.acquireAsync("t").join(), tenants.acquireAsync("t").join());
            events.clear();
            assertThatThrownBy(() -> renderer.rejecting("t", "d"))
                    .isInstanceOfSatisfying(LockRejectedException.class, rejected -> {
                        assertThat(rejected.lockName()).isEqualTo("tenants");
                        assertThat(rejected.key()).isEqualTo("t");
                        assertThat(rejected.limit()).isEqualTo(2);
                        assertThat(rejected.method())
                                .hasValueSatisfying(
                                        method -> assertThat(method).endsWith("Renderer.rejecting(String,String)"));
                    });
            assertThat(events).containsExactly("+documents d", "-documents d");
            assertThatThrownBy(() -> renderer.rejectingLater("t", "d").get(2, TimeUnit.MINUTES))
                    .cause()
                    .isInstanceOfSatisfying(
                            LockRejectedException.class,
                            rejected -> assertThat(rejected.lockName()).isEqualTo("tenants"));
            assertThat(renderer.skipping("t", "d")).isEmpty();
            held.forEach(Permit::close);
            assertThat(renderer.skipping("t", "d")).hasValue("done");
        });
    }

    @Test
    void eachLockHasItsOwnWaitTime() {
        run((renderer, tenants, documents) -> {
            List<Permit> held = List.of(
                    tenants.acquireAsync("t").join(), tenants.acquireAsync("t").join());
            assertThatThrownBy(() -> renderer.timed("t", "d"))
                    .isInstanceOfSatisfying(LockTimeoutException.class, late -> {
                        assertThat(late.lockName()).isEqualTo("tenants");
                        assertThat(late.waitTime()).isEqualTo(Duration.ofMillis(2));
                        assertThat(late.limit()).isEqualTo(2);
                        assertThat(late.method()).isPresent();
                    });
            held.forEach(Permit::close);
            try (Permit document = documents.acquireAsync("d").join()) {
                assertThat(document.isValid()).isTrue();
                assertThatThrownBy(() -> renderer.timed("t", "d"))
                        .isInstanceOfSatisfying(LockTimeoutException.class, late -> {
                            assertThat(late.lockName()).isEqualTo("documents");
                            assertThat(late.waitTime()).isEqualTo(Duration.ofMillis(1));
                        });
            }
        });
    }

    @Test
    void eachLockHasItsOwnCondition() {
        run((renderer, tenants, documents) -> {
            renderer.conditional("t", null);
            assertThat(events).containsExactly("+tenants t", "-tenants t");
            events.clear();
            renderer.conditional("t", "d");
            assertInOrder();
        });
    }

    @Test
    void failureOfTheMethodReleasesBoth() {
        run((renderer, tenants, documents) -> {
            assertThatThrownBy(() -> renderer.failing("t", "d")).hasMessage("as it happens");
            assertInOrder();
        });
    }

    @Test
    void annotationsOnATypeApplyUnlessAMethodHasItsOwn() {
        runner.withBean(Typed.class).run(context -> {
            Typed typed = context.getBean(Typed.class);
            typed.both("t", "d");
            assertInOrder();
            events.clear();
            typed.own("t");
            assertThat(events).containsExactly("+tenants t", "-tenants t");
        });
    }

    @Test
    void twoNamesOfOneLockerBeanAreOneLocker() {
        runner.withBean(Aliased.class)
                .withInitializer(context -> context.getBeanFactory().registerAlias("documents", "papers"))
                .run(context -> assertThat(context)
                        .getFailure()
                        .hasMessageContaining("two of its annotations use the locker '"));
    }

    @ParameterizedTest
    @ValueSource(classes = {SameNamed.class, SameComposed.class, Unnamed.class})
    void oneLockerTwiceIsReportedAtStartup(Class<?> bean) {
        Contexts.runner(bean)
                .withPropertyValues("keyedlock.locks.tenants.limit=2")
                .run(context -> assertThat(context)
                        .getFailure()
                        .isInstanceOf(InvalidKeyedLockException.class)
                        .hasMessageContaining("two of its annotations use the locker '")
                        .hasMessageContaining(bean == Unnamed.class ? "Give each annotation" : "write keys"));
    }

    @Test
    void findingsOfAllAnnotationsAreReported() {
        Contexts.runner(Wrong.class)
                .withPropertyValues("keyedlock.locks.tenants.limit=2")
                .run(context -> assertThat(context)
                        .getFailure()
                        .hasMessageContaining("there is no locker 'tenant'")
                        .hasMessageContaining("limit = 0 admits nobody"));
    }

    @Retention(RetentionPolicy.RUNTIME)
    @KeyedLock(name = "tenants")
    @interface PerTenant {
        @AliasFor(annotation = KeyedLock.class, attribute = "key")
        String value() default "#tenant";
    }

    @Retention(RetentionPolicy.RUNTIME)
    @KeyedLock(name = "documents", key = "#document")
    @interface PerDocument {}

    interface Rendering {
        @KeyedLock(name = "tenants", key = "#tenant")
        @KeyedLock(name = "documents", key = "#document")
        boolean onInterface(String tenant, String document);
    }

    static class Aliased {

        @KeyedLock(name = "documents", key = "#a")
        @KeyedLock(name = "papers", key = "#b")
        public void both(String a, String b) {}
    }

    static class Renderer implements Rendering {

        private final KeyedLockerRegistry lockers;

        Renderer(KeyedLockerRegistry lockers) {
            this.lockers = lockers;
        }

        private boolean holdsBoth(String tenant, String document) {
            Thread me = Thread.currentThread();
            return lockers.get("tenants").isActive(tenant)
                    && lockers.get("tenants").isHeldBy(me)
                    && lockers.get("documents").isActive(document)
                    && lockers.get("documents").isHeldBy(me);
        }

        @KeyedLock(name = "documents", key = "#document")
        @KeyedLock(name = "tenants", key = "#tenant")
        public boolean plain(String tenant, String document) {
            return holdsBoth(tenant, document);
        }

        @KeyedLock(name = "tenants", key = "#tenant")
        @KeyedLock(name = "documents", key = "#document")
        public boolean otherOrder(String tenant, String document) {
            return holdsBoth(tenant, document);
        }

        @PerTenant
        @PerDocument
        public boolean composed(String tenant, String document) {
            return holdsBoth(tenant, document);
        }

        @PerTenant
        @KeyedLock(name = "documents", key = "#document")
        public boolean mixed(String tenant, String document) {
            return holdsBoth(tenant, document);
        }

        @Override
        public boolean onInterface(String tenant, String document) {
            return holdsBoth(tenant, document);
        }

        @PerTenant
        @PerDocument
        public CompletableFuture<String> stage(String tenant, String document, CompletableFuture<String> work) {
            return work;
        }

        @PerTenant
        @PerDocument
        public Mono<String> mono(String tenant, String document, Mono<String> work) {
            return work;
        }

        @PerTenant
        @PerDocument
        public Mono<String> slowMono(String tenant, String document, Runnable work) {
            work.run();
            return Mono.just("done");
        }

        @PerTenant
        @PerDocument
        public Single<String> slowSingle(String tenant, String document, Runnable work) {
            work.run();
            return Single.just("done");
        }

        @PerTenant
        @PerDocument
        public CompletableFuture<String> slowStage(String tenant, String document, Runnable work) {
            work.run();
            return CompletableFuture.completedFuture("done");
        }

        @PerTenant
        @PerDocument
        public Flux<String> flux(String tenant, String document, Flux<String> work) {
            return work;
        }

        @KeyedLock(name = "tenants", key = "#tenant", policy = KeyedLock.Policy.REJECT)
        @PerDocument
        public void rejecting(String tenant, String document) {}

        @KeyedLock(name = "tenants", key = "#tenant", policy = KeyedLock.Policy.REJECT)
        @PerDocument
        public CompletableFuture<String> rejectingLater(String tenant, String document) {
            return CompletableFuture.completedFuture("done");
        }

        @KeyedLock(name = "tenants", key = "#tenant", policy = KeyedLock.Policy.SKIP)
        @PerDocument
        public Optional<String> skipping(String tenant, String document) {
            return Optional.of("done");
        }

        @KeyedLock(name = "tenants", key = "#tenant", waitTime = "2ms")
        @KeyedLock(name = "documents", key = "#document", waitTime = "1ms")
        public void timed(String tenant, String document) {}

        @KeyedLock(name = "tenants", key = "#tenant")
        @KeyedLock(name = "documents", key = "#document", condition = "#document != null")
        public void conditional(String tenant, String document) {}

        @PerTenant
        @PerDocument
        public void failing(String tenant, String document) {
            throw new IllegalStateException("as it happens");
        }
    }

    @KeyedLock(name = "tenants", key = "#tenant")
    @KeyedLock(name = "documents", key = "#document")
    static class Typed {

        public void both(String tenant, String document) {}

        @PerTenant
        public void own(String tenant) {}
    }

    static class SameNamed {
        @KeyedLock(name = "tenants", key = "#a")
        @KeyedLock(name = "tenants", key = "#b")
        public void move(String a, String b) {}
    }

    static class SameComposed {
        @PerTenant("#a")
        @KeyedLock(name = "tenants", key = "#b")
        public void move(String a, String b) {}
    }

    static class Unnamed {
        @KeyedLock(key = "#a")
        @KeyedLock(key = "#b")
        public void move(String a, String b) {}
    }

    static class Wrong {
        @KeyedLock(name = "tenant", key = "#a")
        @KeyedLock(name = "tenants", key = "#b", limit = 0)
        public void move(String a, String b) {}
    }
}
