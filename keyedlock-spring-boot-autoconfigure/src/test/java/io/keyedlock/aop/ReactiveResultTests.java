// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.annotation.KeyedLock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscription;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import reactor.core.Disposable;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;
import reactor.test.publisher.TestPublisher;

/** Methods that return a {@code Mono} or a {@code Flux}. */
class ReactiveResultTests {

    private static final Duration LONG = Duration.ofSeconds(60);

    private final ApplicationContextRunner runner =
            Contexts.runner(Reactive.class).withPropertyValues("keyedlock.locks.shared.limit=1");

    @Test
    void nothingRunsBeforeTheSubscription() {
        with((reactive, lockers) -> {
            Mono<String> first = reactive.send("a");
            Mono<String> second = reactive.send("a");
            assertThat(reactive.bodies().keys()).isEmpty();
            assertThat(reactive.keysMade()).hasValue(0);
            Disposable running = first.subscribe();
            assertThat(reactive.bodies().keys()).containsExactly("a");
            assertThat(reactive.bodies().thread(0)).isSameAs(Thread.currentThread());
            assertThat(Bodies.locker(lockers, "send").isActive("a")).isTrue();
            CompletableFuture<String> waiting = second.toFuture();
            assertThat(waiting).isNotDone();
            reactive.end(0);
            reactive.bodies().await(2);
            assertThat(running.isDisposed()).isTrue();
            reactive.end(1);
            assertThat(waiting.get(60, TimeUnit.SECONDS)).isEqualTo("a");
        });
    }

    @Test
    void eachSubscriptionIsASeparateCallAndEvaluatesItsKeyOnce() {
        with((reactive, lockers) -> {
            Mono<String> mono = reactive.send("a");
            CompletableFuture<String> first = mono.toFuture();
            CompletableFuture<String> second = mono.toFuture();
            assertThat(reactive.keysMade()).hasValue(2);
            assertThat(reactive.bodies().keys()).hasSize(1);
            reactive.end(0);
            reactive.bodies().await(2);
            reactive.end(1);
            assertThat(first.get(60, TimeUnit.SECONDS) + second.get(60, TimeUnit.SECONDS))
                    .isEqualTo("aa");
            assertThat(reactive.keysMade()).hasValue(2);
            StepVerifier.create(reactive.failTwice("a").retry(2))
                    .expectNext("third")
                    .verifyComplete();
        });
    }

    @Test
    void bodyThatWaitedResumesOnAThreadOfTheSubscribersKind() {
        with((reactive, lockers) -> {
            reactive.send("a").subscribe();
            reactive.send("a").subscribe();
            Mono.defer(() -> reactive.send("a"))
                    .subscribeOn(Schedulers.parallel())
                    .subscribe();
            KeyedLocker<Object> locker = Bodies.locker(lockers, "send");
            Bodies.until(() -> Bodies.waiters(locker, "a") == 2);
            reactive.end(0);
            reactive.bodies().await(2);
            assertThat(reactive.bodies().thread(1).getName()).startsWith("keyedlock-body-");
            reactive.end(1);
            reactive.bodies().await(3);
            assertThat(reactive.bodies().thread(2).getName()).startsWith("parallel-");
            reactive.end(2);
        });
    }

    @Test
    void keyIsFreeWhenTheSubscriberReceivesTheEnd() {
        with((reactive, lockers) -> {
            KeyedLocker<Object> one = lockers.get("shared");
            List<Boolean> active = new ArrayList<>();
            reactive.now("a")
                    .doOnNext(value -> active.add(one.isActive("a")))
                    .doOnSuccess(value -> active.add(one.isActive("a")))
                    .block();
            reactive.failing("a")
                    .doOnError(failure -> active.add(one.isActive("a")))
                    .onErrorComplete()
                    .block();
            reactive.range("a", 2)
                    .doOnComplete(() -> active.add(one.isActive("a")))
                    .blockLast();
            assertThat(active).containsExactly(false, false, false, false);
            StepVerifier.create(reactive.now("a").flatMap(value -> reactive.rejecting("a")))
                    .expectNext("a")
                    .verifyComplete();
        });
    }

    @Test
    void valuesErrorsAndEmptyResultsAreForwarded() {
        with((reactive, lockers) -> {
            StepVerifier.create(reactive.range("a", 5))
                    .expectNext(1, 2, 3, 4, 5)
                    .verifyComplete();
            StepVerifier.create(reactive.range("a", 0)).verifyComplete();
            StepVerifier.create(reactive.empty("a")).verifyComplete();
            StepVerifier.create(reactive.failing("a")).verifyErrorMessage("no");
            StepVerifier.create(reactive.anything("a")).expectNext("a", "a").verifyComplete();
        });
    }

    @Test
    void aFluxHoldsItsKeyWhileItEmits() {
        with((reactive, lockers) -> {
            StepVerifier.create(reactive.values("a"))
                    .then(() -> reactive.sinks().get(0).tryEmitNext("1"))
                    .expectNext("1")
                    .then(() -> assertThat(Bodies.locker(lockers, "values").isActive("a"))
                            .isTrue())
                    .then(() -> reactive.sinks().get(0).tryEmitComplete())
                    .verifyComplete();
            assertThat(Bodies.locker(lockers, "values").isActive("a")).isFalse();
        });
    }

    @Test
    void demandIsForwardedAndNothingIsBuffered() {
        with((reactive, lockers) -> {
            AtomicInteger emitted = new AtomicInteger();
            AtomicLong requested = new AtomicLong();
            Flux<Integer> flux = reactive.of(
                    "a",
                    Flux.range(1, 1_000)
                            .doOnNext(value -> emitted.incrementAndGet())
                            .doOnRequest(requested::addAndGet));
            StepVerifier.create(flux, 0)
                    .expectSubscription()
                    .then(() -> assertThat(requested).hasValue(0))
                    .thenRequest(2)
                    .expectNext(1, 2)
                    .then(() -> assertThat(requested).hasValue(2))
                    .then(() -> assertThat(emitted).hasValue(2))
                    .thenRequest(1)
                    .expectNext(3)
                    .then(() -> assertThat(emitted).hasValue(3))
                    .thenCancel()
                    .verify();
        });
    }

    @Test
    void demandOfASubscriberThatWaitsIsKept() {
        with((reactive, lockers) -> {
            Sinks.Many<Integer> holder = Sinks.many().multicast().directBestEffort();
            reactive.valuesOf("a", holder.asFlux()).subscribe();
            AtomicLong requested = new AtomicLong();
            List<Integer> values = new CopyOnWriteArrayList<>();
            BaseSubscriber<Integer> slow = new BaseSubscriber<>() {
                @Override
                protected void hookOnSubscribe(Subscription subscription) {
                    request(3);
                    request(4);
                }

                @Override
                protected void hookOnNext(Integer value) {
                    values.add(value);
                }
            };
            reactive.valuesOf("a", Flux.range(1, 100).doOnRequest(requested::addAndGet))
                    .subscribe(slow);
            assertThat(values).isEmpty();
            holder.tryEmitComplete();
            Bodies.until(() -> values.size() == 7);
            assertThat(requested).hasValue(7);
            slow.cancel();
        });
    }

    @Test
    void cancellingWhileWaitingRemovesTheWaiter() {
        with((reactive, lockers) -> {
            reactive.send("a").subscribe();
            KeyedLocker<Object> locker = Bodies.locker(lockers, "send");
            Disposable second = reactive.send("a").subscribe();
            CompletableFuture<String> third = reactive.send("a").toFuture();
            assertThat(Bodies.waiters(locker, "a")).isEqualTo(2);
            second.dispose();
            assertThat(Bodies.waiters(locker, "a")).isEqualTo(1);
            reactive.end(0);
            reactive.bodies().await(2);
            reactive.end(1);
            assertThat(third.get(60, TimeUnit.SECONDS)).isEqualTo("a");
        });
    }

    @Test
    void cancellingWhileRunningCancelsTheSourceAndFreesTheKeyOnce() {
        with((reactive, lockers) -> {
            Disposable first = reactive.values("a").subscribe();
            KeyedLocker<Object> locker = Bodies.locker(lockers, "values");
            reactive.values("a").subscribe();
            reactive.values("a").subscribe();
            first.dispose();
            first.dispose();
            assertThat(reactive.sinks().get(0).currentSubscriberCount()).isZero();
            reactive.bodies().await(2);
            assertThat(Bodies.waiters(locker, "a")).isEqualTo(1);
            reactive.sinks().get(1).tryEmitComplete();
            reactive.bodies().await(3);
            reactive.sinks().get(2).tryEmitComplete();
        });
    }

    @Test
    void methodThatIsRunningWhenItsResultIsCancelledKeepsTheKeyUntilItHasReturned() {
        with((reactive, lockers) -> {
            CountDownLatch inside = new CountDownLatch(1);
            CountDownLatch goOn = new CountDownLatch(1);
            CompletableFuture<Void> late = new CompletableFuture<>();
            AtomicReference<Disposable> subscription = new AtomicReference<>();
            Mono<Void> first = reactive.prepared("a", () -> {
                inside.countDown();
                await(goOn);
                return Mono.fromFuture(late);
            });
            Thread subscriber = new Thread(() ->
                    first.doOnSubscribe(each -> subscription.set(each::cancel)).subscribe());
            subscriber.start();
            await(inside);
            subscription.get().dispose();
            AtomicBoolean second = new AtomicBoolean();
            Mono<Void> next = reactive.prepared("a", () -> {
                second.set(true);
                return Mono.empty();
            });
            CompletableFuture<Void> waiting = next.toFuture();
            assertThat(Bodies.waiters(Bodies.locker(lockers, "prepared"), "a")).isEqualTo(1);
            assertThat(second).isFalse();
            goOn.countDown();
            waiting.get(60, TimeUnit.SECONDS);
            subscriber.join();
            assertThat(late).isCancelled();
        });
    }

    @Test
    void subscriberThatCancelsInOnSubscribeRunsNothing() {
        with((reactive, lockers) -> {
            reactive.send("a").subscribe(new BaseSubscriber<>() {
                @Override
                protected void hookOnSubscribe(Subscription subscription) {
                    cancel();
                }
            });
            assertThat(reactive.bodies().keys()).isEmpty();
            assertThat(reactive.keysMade()).hasValue(0);
        });
    }

    @Test
    void subscriberThatCancelsFromWithinOnNextFreesTheKey() {
        with((reactive, lockers) -> {
            KeyedLocker<Object> shared = lockers.get("shared");
            List<Boolean> active = new ArrayList<>();
            reactive.range("a", 10).subscribe(new BaseSubscriber<>() {
                @Override
                protected void hookOnNext(Integer value) {
                    active.add(shared.isActive("a"));
                    cancel();
                    active.add(shared.isActive("a"));
                }
            });
            assertThat(active).containsExactly(true, false);
            StepVerifier.create(reactive.range("a", 10).take(2))
                    .expectNext(1, 2)
                    .verifyComplete();
            assertThat(reactive.range("a", 10).blockFirst()).isEqualTo(1);
        });
    }

    @Test
    void timeOutIsAnError() {
        with((reactive, lockers) -> {
            reactive.brief("a").subscribe();
            StepVerifier.create(reactive.brief("a"))
                    .expectErrorSatisfies(failure -> assertThat(failure)
                            .isInstanceOfSatisfying(LockTimeoutException.class, timeout -> {
                                assertThat(timeout.key()).isEqualTo("a");
                                assertThat(timeout.waitTime()).hasMillis(10);
                            }))
                    .verify(LONG);
            reactive.end(0);
        });
    }

    @Test
    void rejectIsAnErrorAndSkipIsEmpty() {
        with((reactive, lockers) -> {
            Disposable holder = reactive.sharedValues("a").subscribe();
            StepVerifier.create(reactive.rejecting("a"))
                    .expectErrorSatisfies(failure -> assertThat(failure)
                            .isInstanceOf(LockRejectedException.class)
                            .hasMessageContaining("Reactive.rejecting(String) does not wait"))
                    .verify(LONG);
            StepVerifier.create(reactive.skipping("a")).verifyComplete();
            StepVerifier.create(reactive.skippingAll("a")).verifyComplete();
            holder.dispose();
            StepVerifier.create(reactive.rejecting("a")).expectNext("a").verifyComplete();
            StepVerifier.create(reactive.skipping("a")).expectNext("a").verifyComplete();
            StepVerifier.create(reactive.skippingAll("a")).expectNext("a").verifyComplete();
        });
    }

    @Test
    void invalidKeyAndFailingConditionAreErrors() {
        with((reactive, lockers) -> {
            StepVerifier.create(reactive.now(null))
                    .expectErrorSatisfies(failure -> assertThat(failure)
                            .isInstanceOf(LockKeyException.class)
                            .hasMessageContaining("Reactive.now(String)")
                            .hasMessageContaining("key = \"#key\" is null"))
                    .verify(LONG);
            StepVerifier.create(reactive.onCondition(null)).verifyError(LockKeyException.class);
            StepVerifier.create(reactive.all(Arrays.asList("a", null))).verifyError(LockKeyException.class);
            StepVerifier.create(reactive.strange(new BadKey())).verifyErrorMessage("bad key");
        });
    }

    @Test
    void falseConditionLocksNothing() {
        with((reactive, lockers) -> {
            reactive.onCondition("unlocked").subscribe();
            StepVerifier.create(reactive.onCondition("unlocked"))
                    .expectNext("unlocked")
                    .verifyComplete();
            assertThat(lockers.names().stream().filter(name -> name.contains("onCondition")))
                    .allMatch(name -> lockers.get(name).activeKeyCount() == 0);
        });
    }

    @Test
    void eachKeyAdmitsUpToTheLimit() {
        with((reactive, lockers) -> {
            List<CompletableFuture<String>> results = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                results.add(reactive.limited("a").toFuture());
            }
            assertThat(reactive.bodies().keys()).hasSize(2);
            for (int i = 0; i < 5; i++) {
                int ended = i;
                Bodies.until(() -> reactive.gates().size() > ended);
                reactive.end(i);
            }
            for (CompletableFuture<String> result : results) {
                assertThat(result.get(60, TimeUnit.SECONDS)).isEqualTo("a");
            }
        });
    }

    @Test
    void multipleKeysAreAcquiredTogether() {
        with((reactive, lockers) -> {
            CompletableFuture<String> both = reactive.all(List.of("a", "b")).toFuture();
            CompletableFuture<String> back = reactive.all(List.of("b", "a")).toFuture();
            CompletableFuture<String> other = reactive.all(List.of("c")).toFuture();
            assertThat(reactive.bodies().keys()).containsExactly("[a, b]", "[c]");
            reactive.end(0);
            reactive.end(1);
            reactive.bodies().await(3);
            reactive.end(2);
            assertThat(List.of(
                            both.get(60, TimeUnit.SECONDS),
                            back.get(60, TimeUnit.SECONDS),
                            other.get(60, TimeUnit.SECONDS)))
                    .containsExactly("[a, b]", "[b, a]", "[c]");
        });
    }

    @Test
    void methodThatThrowsOrReturnsNullIsAnErrorAndFreesTheKey() {
        with((reactive, lockers) -> {
            StepVerifier.create(reactive.broken("throws")).verifyErrorMessage("broken");
            StepVerifier.create(reactive.broken("null"))
                    .expectErrorSatisfies(failure -> assertThat(failure)
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessageContaining("Reactive.broken(String)")
                            .hasMessageContaining("returned null instead of a Flux. Return an empty one"))
                    .verify(LONG);
            StepVerifier.create(reactive.broken("throws in subscribe")).verifyErrorMessage("in subscribe");
        });
    }

    @Test
    void sourceThatMisbehavesFreesTheKeyOnce() {
        with((reactive, lockers) -> {
            TestPublisher<Integer> source =
                    TestPublisher.createNoncompliant(TestPublisher.Violation.CLEANUP_ON_TERMINATE);
            List<Object> signals = new CopyOnWriteArrayList<>();
            reactive.valuesOf("a", source.flux()).subscribe(signals::add, signals::add, () -> signals.add("complete"));
            Disposable next = reactive.valuesOf("a", Flux.never()).subscribe();
            KeyedLocker<Object> locker = Bodies.locker(lockers, "valuesOf");
            source.next(1).complete();
            Bodies.until(() -> Bodies.waiters(locker, "a") == 0);
            reactive.bodies().await(2);
            source.complete().next(2).error(new IllegalStateException("late"));
            assertThat(signals).containsExactly(1, "complete");
            assertThat(locker.isActive("a")).isTrue();
            next.dispose();
        });
    }

    @Test
    void subscriberThatThrowsFreesTheKey() {
        with((reactive, lockers) -> {
            BaseSubscriber<Integer> thrower = new BaseSubscriber<>() {
                @Override
                protected void hookOnNext(Integer value) {
                    throw new IllegalStateException("subscriber");
                }
            };
            reactive.range("a", 3).subscribe(thrower);
            assertThat(thrower.isDisposed()).isTrue();
        });
    }

    /** Chains that share one thread. If the thread owned the permit, all of them would reenter. */
    @Test
    void chainsOnOneEventLoopExcludeEachOther() {
        var loop = Schedulers.newSingle("loop");
        try {
            with((reactive, lockers) -> {
                CompletableFuture<String> first =
                        reactive.gated("a").subscribeOn(loop).toFuture();
                Bodies.until(() -> reactive.gates().size() == 1);
                CompletableFuture<String> second =
                        reactive.gated("a").subscribeOn(loop).toFuture();
                assertThatThrownBy(
                                () -> reactive.rejecting("a").subscribeOn(loop).block(LONG))
                        .isInstanceOf(LockRejectedException.class);
                assertThat(reactive.skipping("a").subscribeOn(loop).blockOptional(LONG))
                        .isEmpty();
                assertThat(reactive.bodies().keys()).containsExactly("a");
                reactive.end(0);
                reactive.bodies().await(2);
                reactive.end(1);
                assertThat(first.get(60, TimeUnit.SECONDS) + second.get(60, TimeUnit.SECONDS))
                        .isEqualTo("aa");
            });
        } finally {
            loop.dispose();
        }
    }

    @Test
    void aHundredThousandSubscribersOfOneKeyRunInOrder() {
        with((reactive, lockers) -> {
            int subscribers = 100_000;
            List<Integer> order = new ArrayList<>();
            Sinks.One<String> gate = Sinks.one();
            reactive.ordered("a", gate.asMono()).subscribe();
            for (int i = 0; i < subscribers; i++) {
                int number = i;
                reactive.ordered("a", Mono.fromRunnable(() -> order.add(number)))
                        .subscribe();
            }
            assertThat(Bodies.locker(lockers, "ordered").overview(0).waiters()).isEqualTo(subscribers);
            gate.tryEmitEmpty();
            Bodies.awaitIdle(lockers, Duration.ofMinutes(5));
            assertThat(order).hasSize(subscribers).isSorted();
        });
    }

    /** Cancels at random moments from another thread. */
    @Test
    void concurrentCancellationsLoseNoPermit() {
        with((reactive, lockers) -> {
            AtomicInteger inside = new AtomicInteger();
            List<String> overlaps = new CopyOnWriteArrayList<>();
            Supplier<Mono<Void>> body = () -> {
                if (inside.incrementAndGet() != 1) {
                    overlaps.add("overlap");
                }
                inside.decrementAndGet();
                return Mono.<Void>empty().subscribeOn(Schedulers.parallel());
            };
            List<Disposable> started = new ArrayList<>();
            for (int i = 0; i < 5_000; i++) {
                Disposable one = reactive.prepared("a", body).subscribe();
                started.add(one);
                if (i % 3 == 0) {
                    Schedulers.parallel().schedule(one::dispose);
                }
            }
            Bodies.awaitIdle(lockers);
            // The permit is released before the subscriber is notified.
            Bodies.until(() -> started.stream().allMatch(Disposable::isDisposed));
            assertThat(overlaps).isEmpty();
        });
    }

    @Test
    void publisherThatNeverCompletesIsReportedAsALongHold() {
        List<String> reports = new CopyOnWriteArrayList<>();
        runner.withPropertyValues("keyedlock.long-hold.threshold=20ms")
                .withBean(KeyedLockerListener.class, () -> new KeyedLockerListener() {
                    @Override
                    public void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
                        reports.add(key + " " + holder.threadName() + " " + stack.size());
                    }
                })
                .run(context -> {
                    Disposable forever =
                            context.getBean(Reactive.class).values("a").subscribe();
                    Bodies.until(() -> !reports.isEmpty());
                    assertThat(reports).containsExactly("a async 0");
                    forever.dispose();
                    Bodies.awaitIdle(context.getBean(KeyedLockerRegistry.class));
                });
    }

    private void with(Check check) {
        runner.run(context -> {
            KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
            Reactive reactive = context.getBean(Reactive.class);
            check.on(reactive, lockers);
            Bodies.awaitIdle(lockers);
        });
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private interface Check {
        void on(Reactive reactive, KeyedLockerRegistry lockers) throws Exception;
    }

    static final class BadKey {

        @Override
        public int hashCode() {
            throw new IllegalStateException("bad key");
        }

        @Override
        public boolean equals(Object other) {
            return this == other;
        }
    }

    static class Reactive {

        private final Bodies bodies = new Bodies();
        private final List<Sinks.One<String>> gates = new CopyOnWriteArrayList<>();
        private final List<Sinks.Many<String>> sinks = new CopyOnWriteArrayList<>();
        private final AtomicInteger keysMade = new AtomicInteger();
        private final AtomicInteger attempts = new AtomicInteger();

        Bodies bodies() {
            return bodies;
        }

        List<Sinks.One<String>> gates() {
            return gates;
        }

        List<Sinks.Many<String>> sinks() {
            return sinks;
        }

        AtomicInteger keysMade() {
            return keysMade;
        }

        void end(int gate) {
            gates.get(gate).tryEmitEmpty();
        }

        public String made(String key) {
            keysMade.incrementAndGet();
            return key;
        }

        private Mono<String> gate(Object key) {
            Sinks.One<String> gate = Sinks.one();
            gates.add(gate);
            bodies.ran(String.valueOf(key));
            return gate.asMono().defaultIfEmpty(String.valueOf(key));
        }

        @KeyedLock(key = "#root.target.made(#key)")
        public Mono<String> send(String key) {
            return gate(key);
        }

        @KeyedLock(key = "#key", limit = 2)
        public Mono<String> limited(String key) {
            return gate(key);
        }

        @KeyedLock(keys = "#keys")
        public Mono<String> all(List<String> keys) {
            return gate(keys);
        }

        @KeyedLock(key = "#key", waitTime = "10ms")
        public Mono<String> brief(String key) {
            return gate(key);
        }

        @KeyedLock(name = "shared", key = "#key")
        public Mono<String> gated(String key) {
            return gate(key);
        }

        @KeyedLock(key = "#key")
        public Flux<String> values(String key) {
            Sinks.Many<String> sink = Sinks.many().multicast().directBestEffort();
            sinks.add(sink);
            bodies.ran(key);
            return sink.asFlux();
        }

        @KeyedLock(name = "shared", key = "#key")
        public Flux<String> sharedValues(String key) {
            return Flux.never();
        }

        @KeyedLock(name = "shared", key = "#key")
        public Mono<String> now(String key) {
            return Mono.just(key);
        }

        @KeyedLock(name = "shared", key = "#key")
        public Mono<String> empty(String key) {
            return Mono.empty();
        }

        @KeyedLock(name = "shared", key = "#key")
        public Mono<String> failing(String key) {
            return Mono.error(new IllegalStateException("no"));
        }

        @KeyedLock(name = "shared", key = "#key")
        public Flux<Integer> range(String key, int count) {
            return Flux.range(1, count);
        }

        @KeyedLock(name = "shared", key = "#key")
        public Flux<Integer> of(String key, Flux<Integer> source) {
            return source;
        }

        @KeyedLock(name = "shared", key = "#key")
        public Publisher<String> anything(String key) {
            return Flux.just(key, key);
        }

        @KeyedLock(name = "shared", key = "#key", policy = KeyedLock.Policy.REJECT)
        public Mono<String> rejecting(String key) {
            return Mono.just(key);
        }

        @KeyedLock(name = "shared", key = "#key", policy = KeyedLock.Policy.SKIP)
        public Mono<String> skipping(String key) {
            return Mono.just(key);
        }

        @KeyedLock(name = "shared", key = "#key", policy = KeyedLock.Policy.SKIP)
        public Flux<String> skippingAll(String key) {
            return Flux.just(key);
        }

        @KeyedLock(key = "#key")
        public Flux<Integer> valuesOf(String key, Flux<Integer> source) {
            bodies.ran(key);
            return source;
        }

        @KeyedLock(key = "#key")
        public Mono<Void> ordered(String key, Mono<?> body) {
            return body.then();
        }

        @KeyedLock(key = "#key")
        public Mono<Void> prepared(String key, Supplier<Mono<Void>> body) {
            return body.get();
        }

        @KeyedLock(key = "#key", condition = "#key.startsWith('locked')")
        public Mono<String> onCondition(String key) {
            return Mono.just(key);
        }

        @KeyedLock(key = "#key")
        public Mono<String> strange(Object key) {
            return Mono.just("never");
        }

        @KeyedLock(key = "#how")
        public Flux<String> broken(String how) {
            return switch (how) {
                case "null" -> null;
                case "throws" -> throw new IllegalArgumentException("broken");
                default ->
                    new Flux<>() {
                        @Override
                        public void subscribe(reactor.core.CoreSubscriber<? super String> actual) {
                            throw new IllegalStateException("in subscribe");
                        }
                    };
            };
        }

        @KeyedLock(key = "#key")
        public Mono<String> failTwice(String key) {
            return attempts.incrementAndGet() < 3 ? Mono.error(new IllegalStateException("again")) : Mono.just("third");
        }
    }
}
