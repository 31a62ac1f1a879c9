// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import io.keyedlock.autoconfigure.KeyedLockObservationAutoConfiguration;
import io.micrometer.context.ContextRegistry;
import io.micrometer.context.ThreadLocalAccessor;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.ObservationView;
import io.micrometer.observation.contextpropagation.ObservationThreadLocalAccessor;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.context.Context;

/** The parent observation of a wait if the subscribing thread does not have it, as by default in Spring Boot. */
class ObservedWaitTests {

    private final ObservationRegistry observations = ObservationRegistry.create();
    private final Waits waits = new Waits();

    /** An observation that is current on no thread. */
    private @Nullable Observation request;

    @BeforeEach
    void request() {
        observations.observationConfig().observationHandler(waits);
        request = Observation.start("request", observations);
    }

    @AfterEach
    void threadIsLeftAsItWas() {
        assertThat(observations.getCurrentObservation()).isNull();
    }

    @Test
    void aMonoWaitsUnderTheObservationOfItsSubscriber() {
        with((orders, locker) -> {
            CompletableFuture<Permit> held = locker.acquireAsync("a");
            CompletableFuture<String> waiting =
                    orders.mono("a").contextWrite(this::withRequest).toFuture();
            held.join().close();
            assertThat(waiting.get(1, TimeUnit.MINUTES)).isEqualTo("a");
            assertThat(waits.parents).containsExactly("request");
        });
    }

    @Test
    void aFluxWaitsUnderTheObservationOfItsSubscriber() {
        with((orders, locker) -> {
            CompletableFuture<Permit> held = locker.acquireAsync("a");
            CompletableFuture<List<String>> waiting = orders.flux("a")
                    .contextWrite(this::withRequest)
                    .collectList()
                    .toFuture();
            held.join().close();
            assertThat(waiting.get(1, TimeUnit.MINUTES)).containsExactly("a");
            assertThat(waits.parents).containsExactly("request");
        });
    }

    @Test
    void nestedCallsWaitUnderTheSameObservation() {
        with((orders, locker) -> {
            CompletableFuture<Permit> outer = locker.acquireAsync("outer");
            CompletableFuture<Permit> inner = locker.acquireAsync("inner");
            CompletableFuture<String> waiting = orders.outer("outer", () -> orders.mono("inner"))
                    .contextWrite(this::withRequest)
                    .toFuture();
            outer.join().close();
            waits.await(2);
            inner.join().close();
            assertThat(waiting.get(1, TimeUnit.MINUTES)).isEqualTo("inner");
            assertThat(waits.parents).containsExactly("request", "request");
        });
    }

    @Test
    void theSubscribersContextTakesPrecedenceOverTheThreads() {
        with((orders, locker) -> {
            CompletableFuture<Permit> held = locker.acquireAsync("a");
            Observation other = Observation.start("other", observations);
            CompletableFuture<String> first;
            CompletableFuture<String> second;
            try (Observation.Scope scope = other.openScope()) {
                first = orders.mono("a").contextWrite(this::withRequest).toFuture();
                second = orders.mono("a").toFuture();
                assertThat(observations.getCurrentObservation()).isSameAs(other);
                assertThat(scope.getCurrentObservation()).isSameAs(other);
            }
            held.join().close();
            first.get(1, TimeUnit.MINUTES);
            second.get(1, TimeUnit.MINUTES);
            assertThat(waits.parents).containsExactly("request", "other");
        });
    }

    @Test
    void aFutureWaitsUnderTheObservationOfItsCaller() {
        with((orders, locker) -> {
            CompletableFuture<Permit> held = locker.acquireAsync("a");
            CompletableFuture<String> waiting = observed(() -> orders.future("a"));
            held.join().close();
            assertThat(waiting.get(1, TimeUnit.MINUTES)).isEqualTo("a");
            assertThat(waits.parents).containsExactly("request");
        });
    }

    @Test
    void aThreadWhoseContextCannotBeRestoredHoldsNothing() {
        Unrestorable accessor = new Unrestorable();
        ContextRegistry.getInstance().registerThreadLocalAccessor(accessor);
        try {
            with((orders, locker) -> {
                Function<Context, Context> carrying = context -> context.put(Unrestorable.KEY, "value");
                assertThat(failureOf(orders.mono("a").contextWrite(carrying))).hasMessage("not restored");
                assertThat(locker.isActive("a")).isFalse();
                CompletableFuture<Permit> held = locker.acquireAsync("a");
                assertThat(failureOf(orders.mono("a").contextWrite(carrying))).hasMessage("not restored");
                assertThat(failureOf(orders.outer("b", () -> orders.outer("b", () -> orders.mono("a")))
                                .contextWrite(carrying)))
                        .hasMessage("not restored");
                held.join().close();
                assertThat(locker.activeKeyCount()).isZero();
            });
        } finally {
            ContextRegistry.getInstance().removeThreadLocalAccessor(Unrestorable.KEY);
        }
    }

    private static Throwable failureOf(Mono<?> mono) {
        return mono.<Throwable>map(value -> new AssertionError("it gave " + value))
                .onErrorResume(Mono::just)
                .block();
    }

    private <T> T observed(Supplier<T> call) {
        Observation current = request;
        assertThat(current).isNotNull();
        return current.scoped(call);
    }

    private Context withRequest(Context context) {
        Observation carried = request;
        assertThat(carried).isNotNull();
        return context.put(ObservationThreadLocalAccessor.KEY, carried);
    }

    private void with(Check check) {
        Contexts.runner(Orders.class)
                .withConfiguration(AutoConfigurations.of(KeyedLockObservationAutoConfiguration.class))
                .withBean(ObservationRegistry.class, () -> observations)
                .withPropertyValues("keyedlock.locks.orders.limit=1", "keyedlock.observations=true")
                .run(context -> check.on(
                        context.getBean(Orders.class),
                        context.getBean(KeyedLockerRegistry.class).get("orders")));
    }

    /** An action of a test. */
    private interface Check {
        void on(Orders orders, KeyedLocker<String> locker) throws Exception;
    }

    /** The names of the parent observations of waits. */
    private static final class Waits implements ObservationHandler<Observation.Context> {

        private final List<String> parents = new CopyOnWriteArrayList<>();

        @Override
        public void onStart(Observation.Context wait) {
            if (wait.getName().equals("keyedlock.wait")) {
                ObservationView parent = wait.getParentObservation();
                parents.add(parent == null ? "none" : parent.getContextView().getName());
            }
        }

        @Override
        public boolean supportsContext(Observation.Context context) {
            return true;
        }

        void await(int count) {
            org.awaitility.Awaitility.await().until(() -> parents.size() >= count);
        }
    }

    /** A thread-bound value that can be set but not removed. */
    private static final class Unrestorable implements ThreadLocalAccessor<String> {

        private static final String KEY = "unrestorable";

        @Override
        public Object key() {
            return KEY;
        }

        @Override
        public @Nullable String getValue() {
            return null;
        }

        @Override
        public void setValue(String value) {}

        @Override
        public void setValue() {
            throw new IllegalStateException("not restored");
        }
    }

    static class Orders {

        @KeyedLock(name = "orders", key = "#key")
        Mono<String> mono(String key) {
            return Mono.just(key);
        }

        @KeyedLock(name = "orders", key = "#key")
        Flux<String> flux(String key) {
            return Flux.just(key);
        }

        @KeyedLock(name = "orders", key = "#key")
        Mono<String> outer(String key, Supplier<Mono<String>> inner) {
            return Mono.just(key).flatMap(same -> inner.get());
        }

        @KeyedLock(name = "orders", key = "#key")
        CompletableFuture<String> future(String key) {
            return CompletableFuture.completedFuture(key);
        }
    }
}
