// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockReentryException;
import io.keyedlock.LockRejectedException;
import io.keyedlock.annotation.KeyedLock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;
import reactor.util.context.ContextView;

/** Calls inside the chain of another call. */
class NestedReactiveTests {

    private static final Duration LONG = Duration.ofSeconds(60);

    private final ApplicationContextRunner runner = Contexts.runner(Nested.class)
            .withPropertyValues(
                    "keyedlock.locks.shared.limit=1",
                    "keyedlock.locks.other.limit=1",
                    "keyedlock.locks.strict.reentrant=false");

    @Test
    void sameKeyIsReentrantForAnyPolicyAndThread() {
        with((nested, locker) -> {
            StepVerifier.create(nested.outer("a", () -> nested.inner("a", Mono.just("done"))))
                    .expectNext("done")
                    .expectComplete()
                    .verify(LONG);
            StepVerifier.create(nested.outer("a", () -> nested.rejecting("a")))
                    .expectNext("a")
                    .verifyComplete();
            StepVerifier.create(nested.outer("a", () -> nested.skipping("a")))
                    .expectNext("a")
                    .verifyComplete();
            StepVerifier.create(nested.outerFlux(
                            "a",
                            () -> Mono.delay(Duration.ofMillis(1), Schedulers.parallel())
                                    .thenMany(nested.inner("a", Mono.just("elsewhere")))))
                    .expectNext("elsewhere")
                    .expectComplete()
                    .verify(LONG);
        });
    }

    @Test
    void keyStaysHeldUntilTheOuterCallHasEnded() {
        with((nested, locker) -> {
            List<Boolean> active = new ArrayList<>();
            nested.outer(
                            "a",
                            () -> nested.inner("a", Mono.just("done"))
                                    .flatMap(done -> nested.inner("a", Mono.just("again")))
                                    .doOnSuccess(done -> active.add(locker.isActive("a"))))
                    .doOnSuccess(done -> active.add(locker.isActive("a")))
                    .block(LONG);
            assertThat(active).containsExactly(true, false);
        });
    }

    @Test
    void innerCallIsNoSecondHolder() {
        with((nested, locker) -> {
            AtomicReference<Integer> holders = new AtomicReference<>();
            nested.outer(
                            "a",
                            () -> nested.inner("a", Mono.fromSupplier(() -> {
                                holders.set(locker.snapshot("a")
                                        .orElseThrow()
                                        .holders()
                                        .size());
                                return "done";
                            })))
                    .block(LONG);
            assertThat(holders).hasValue(1);
        });
    }

    @Test
    void anotherKeyAndAnotherLockerWait() {
        with((nested, locker) -> {
            Disposable holder = nested.inner("b", Mono.never()).subscribe();
            Disposable otherHolder = nested.ofOther("a", Mono.never()).subscribe();
            CompletableFuture<String> key =
                    nested.outer("a", () -> nested.inner("b", Mono.just("b"))).toFuture();
            assertThat(Bodies.waiters(locker, "b")).isEqualTo(1);
            holder.dispose();
            assertThat(key.get(60, TimeUnit.SECONDS)).isEqualTo("b");
            CompletableFuture<String> other = nested.outer("a", () -> nested.ofOther("a", Mono.just("other")))
                    .toFuture();
            assertThat(other).isNotDone();
            otherHolder.dispose();
            assertThat(other.get(60, TimeUnit.SECONDS)).isEqualTo("other");
        });
    }

    @Test
    void anotherChainIsNotReentrant() {
        with((nested, locker) -> {
            List<CompletableFuture<String>> waiting = new ArrayList<>();
            nested.outer(
                            "a",
                            () -> Mono.fromSupplier(() -> {
                                // Subscribed on this thread, but with a separate context.
                                waiting.add(nested.inner("a", Mono.just("late")).toFuture());
                                assertThat(Bodies.waiters(locker, "a")).isEqualTo(1);
                                return "done";
                            }))
                    .block(LONG);
            assertThat(waiting.get(0).get(60, TimeUnit.SECONDS)).isEqualTo("late");
        });
    }

    @Test
    void contextThatOutlivesItsCallIsNotReentrant() {
        with((nested, locker) -> {
            AtomicReference<ContextView> kept = new AtomicReference<>();
            nested.outer(
                            "a",
                            () -> Mono.deferContextual(context -> {
                                kept.set(context);
                                return Mono.just("done");
                            }))
                    .block(LONG);
            Disposable holder = nested.inner("a", Mono.never()).subscribe();
            StepVerifier.create(nested.rejecting("a").contextWrite(kept.get()))
                    .expectError(LockRejectedException.class)
                    .verify(LONG);
            CompletableFuture<String> late = nested.inner("a", Mono.just("late"))
                    .contextWrite(kept.get())
                    .toFuture();
            assertThat(Bodies.waiters(locker, "a")).isEqualTo(1);
            holder.dispose();
            assertThat(late.get(60, TimeUnit.SECONDS)).isEqualTo("late");
        });
    }

    @Test
    void innerCallThatOutlivesTheOuterKeepsTheKey() {
        with((nested, locker) -> {
            Sinks.One<String> gate = Sinks.one();
            nested.outer(
                            "a",
                            () -> Mono.deferContextual(context -> {
                                nested.inner("a", gate.asMono())
                                        .contextWrite(context)
                                        .subscribe();
                                return Mono.just("done");
                            }))
                    .block(LONG);
            assertThat(locker.isActive("a")).isTrue();
            StepVerifier.create(nested.rejecting("a"))
                    .expectError(LockRejectedException.class)
                    .verify(LONG);
            gate.tryEmitEmpty();
            assertThat(locker.isActive("a")).isFalse();
        });
    }

    @Test
    void cancellingTheOuterCallFreesEverything() {
        with((nested, locker) -> {
            Disposable outer = nested.outer("a", () -> nested.inner("a", nested.inner("b", Mono.never())))
                    .subscribe();
            assertThat(locker.activeKeys()).containsExactlyInAnyOrder("a", "b");
            outer.dispose();
            assertThat(locker.activeKeyCount()).isZero();
        });
    }

    @Test
    void ofMultipleKeysOnlyUnheldOnesAreAcquired() {
        with((nested, locker) -> {
            Disposable holder = nested.inner("b", Mono.never()).subscribe();
            CompletableFuture<String> both = nested.outer(
                            "a", () -> nested.all(List.of("a", "b", "a"), Mono.just("both")))
                    .toFuture();
            assertThat(Bodies.waiters(locker, "a")).isZero();
            assertThat(Bodies.waiters(locker, "b")).isEqualTo(1);
            holder.dispose();
            assertThat(both.get(60, TimeUnit.SECONDS)).isEqualTo("both");
            StepVerifier.create(nested.all(
                            List.of("a", "b"), nested.inner("b", nested.all(List.of("b", "a"), Mono.just("inside")))))
                    .expectNext("inside")
                    .expectComplete()
                    .verify(LONG);
        });
    }

    @Test
    void cancellingTheWaitOfAnInnerCallDoesNotAffectTheOuter() {
        with((nested, locker) -> {
            Disposable holder = nested.inner("b", Mono.never()).subscribe();
            StepVerifier.create(nested.outer(
                            "a",
                            () -> nested.all(List.of("a", "b"), Mono.just("both"))
                                    .timeout(
                                            Duration.ofMillis(5),
                                            Mono.fromSupplier(() -> "active " + locker.isActive("a")))))
                    .expectNext("active true")
                    .expectComplete()
                    .verify(LONG);
            assertThat(Bodies.waiters(locker, "b")).isZero();
            assertThat(locker.isActive("a")).isFalse();
            holder.dispose();
        });
    }

    @Test
    void nonReentrantLockerRejects() {
        with((nested, locker) -> {
            StepVerifier.create(nested.strict("a", () -> nested.strict("a", () -> Mono.just("never"))))
                    .expectErrorSatisfies(failure -> assertThat(failure)
                            .isInstanceOf(LockReentryException.class)
                            .hasMessageContaining("key 'a'")
                            .hasMessageContaining("Nested.strict"))
                    .verify(LONG);
            StepVerifier.create(nested.strict("a", () -> nested.strictlyRejecting("a")))
                    .expectError(LockRejectedException.class)
                    .verify(LONG);
            StepVerifier.create(nested.strict("a", () -> nested.strictlySkipping("a")))
                    .verifyComplete();
        });
    }

    private void with(Check check) {
        runner.run(context -> {
            KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
            check.on(context.getBean(Nested.class), Bodies.locker(lockers, "shared"));
            Bodies.awaitIdle(lockers);
        });
    }

    private interface Check {
        void on(Nested nested, KeyedLocker<Object> shared) throws Exception;
    }

    static class Nested {

        @KeyedLock(name = "shared", key = "#key")
        Mono<String> outer(String key, Supplier<Mono<String>> body) {
            return Mono.defer(body);
        }

        @KeyedLock(name = "shared", key = "#key")
        Flux<String> outerFlux(String key, Supplier<Publisher<String>> body) {
            return Flux.defer(body);
        }

        @KeyedLock(name = "shared", key = "#key")
        Mono<String> inner(String key, Mono<String> body) {
            return body;
        }

        @KeyedLock(name = "shared", keys = "#keys")
        Mono<String> all(List<String> keys, Mono<String> body) {
            return body;
        }

        @KeyedLock(name = "other", key = "#key")
        Mono<String> ofOther(String key, Mono<String> body) {
            return body;
        }

        @KeyedLock(name = "shared", key = "#key", policy = KeyedLock.Policy.REJECT)
        Mono<String> rejecting(String key) {
            return Mono.just(key);
        }

        @KeyedLock(name = "shared", key = "#key", policy = KeyedLock.Policy.SKIP)
        Mono<String> skipping(String key) {
            return Mono.just(key);
        }

        @KeyedLock(name = "strict", key = "#key")
        Mono<String> strict(String key, Supplier<Mono<String>> body) {
            return Mono.defer(body);
        }

        @KeyedLock(name = "strict", key = "#key", policy = KeyedLock.Policy.REJECT)
        Mono<String> strictlyRejecting(String key) {
            return Mono.just(key);
        }

        @KeyedLock(name = "strict", key = "#key", policy = KeyedLock.Policy.SKIP)
        Mono<String> strictlySkipping(String key) {
            return Mono.just(key);
        }
    }
}
