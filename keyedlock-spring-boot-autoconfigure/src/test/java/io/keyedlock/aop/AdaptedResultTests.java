// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockRejectedException;
import io.keyedlock.annotation.KeyedLock;
import io.reactivex.rxjava3.core.Completable;
import io.reactivex.rxjava3.core.Flowable;
import io.reactivex.rxjava3.core.Maybe;
import io.reactivex.rxjava3.core.Observable;
import io.reactivex.rxjava3.core.Single;
import io.reactivex.rxjava3.disposables.Disposable;
import io.reactivex.rxjava3.subjects.SingleSubject;
import java.util.List;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import reactor.adapter.JdkFlowAdapter;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

/** Types that Spring's registry converts to publishers and back: those of RxJava 3, and {@code Flow.Publisher}. */
class AdaptedResultTests {

    @Test
    void valuesErrorsAndCompletionAreForwarded() {
        with((rx, locker) -> {
            rx.single("a", Single.just("1")).test().assertResult("1");
            rx.maybe("a", Maybe.just("1")).test().assertResult("1");
            rx.maybe("a", Maybe.empty()).test().assertResult();
            rx.completable("a", Completable.complete()).test().assertResult();
            rx.flowable("a", Flowable.just("1", "2")).test().assertResult("1", "2");
            rx.observable("a", Observable.just("1", "2")).test().assertResult("1", "2");
            StepVerifier.create(JdkFlowAdapter.flowPublisherToFlux(
                            rx.publisher("a", JdkFlowAdapter.publisherToFlowPublisher(Flux.just("1", "2")))))
                    .expectNext("1", "2")
                    .verifyComplete();
            rx.single("a", Single.error(new IllegalStateException("no")))
                    .test()
                    .assertFailure(IllegalStateException.class);
            rx.single(null, Single.just("1")).test().assertFailure(LockKeyException.class);
        });
    }

    @Test
    void callsOfOneKeyWaitAndEndWithTheirDisposal() {
        with((rx, locker) -> {
            SingleSubject<String> gate = SingleSubject.create();
            Disposable first = rx.single("a", gate).subscribe();
            var second = rx.completable("a", Completable.complete()).test();
            Disposable third = rx.flowable("a", Flowable.never()).subscribe();
            assertThat(gate.hasObservers()).isTrue();
            assertThat(Bodies.waiters(locker, "a")).isEqualTo(2);
            third.dispose();
            assertThat(Bodies.waiters(locker, "a")).isEqualTo(1);
            first.dispose();
            assertThat(gate.hasObservers()).isFalse();
            assertThat(second.await(60, TimeUnit.SECONDS)).isTrue();
            second.assertComplete();
        });
    }

    @Test
    void demandIsForwarded() {
        with((rx, locker) -> rx.flowable("a", Flowable.range(1, 1_000).map(String::valueOf))
                .test(2)
                .assertValues("1", "2")
                .requestMore(1)
                .assertValues("1", "2", "3")
                .cancel());
    }

    @Test
    void rejectIsAnErrorAndSkipIsEmpty() {
        with((rx, locker) -> {
            Disposable holder = rx.maybe("a", Maybe.never()).subscribe();
            rx.rejecting("a").test().assertFailure(LockRejectedException.class);
            rx.skippingMaybe("a").test().assertResult();
            rx.skippingCompletable("a", Completable.error(new AssertionError("has run")))
                    .test()
                    .assertResult();
            holder.dispose();
            rx.rejecting("a").test().assertResult("a");
            rx.skippingMaybe("a").test().assertResult("a");
        });
    }

    @Test
    void resultThatCannotBeEmptyCannotBeSkipped() {
        Contexts.runner(Skipping.class)
                .run(context -> assertThat(StartupValidationTests.find(context.getStartupFailure())
                                .findings())
                        .singleElement()
                        .satisfies(finding -> assertThat(finding.problem())
                                .isEqualTo("policy = SKIP returns nothing, and Single has no empty value"))
                        .satisfies(finding -> assertThat(finding.remedy()).contains("a publisher that may be empty")));
    }

    private static void with(Check check) {
        Contexts.runner(Rx.class)
                .withPropertyValues("keyedlock.locks.shared.limit=1")
                .run(context -> {
                    KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
                    check.on(context.getBean(Rx.class), Bodies.locker(lockers, "shared"));
                    Bodies.awaitIdle(lockers);
                });
    }

    private interface Check {
        void on(Rx rx, KeyedLocker<Object> locker) throws Exception;
    }

    @KeyedLock(name = "shared", key = "#p0")
    static class Rx {

        Single<String> single(String key, Single<String> body) {
            return body;
        }

        Maybe<String> maybe(String key, Maybe<String> body) {
            return body;
        }

        Completable completable(String key, Completable body) {
            return body;
        }

        Flowable<String> flowable(String key, Flowable<String> body) {
            return body;
        }

        Observable<String> observable(String key, Observable<String> body) {
            return body;
        }

        Flow.Publisher<String> publisher(String key, Flow.Publisher<String> body) {
            return body;
        }

        @KeyedLock(name = "shared", key = "#key", policy = KeyedLock.Policy.REJECT)
        Single<String> rejecting(String key) {
            return Single.just(key);
        }

        @KeyedLock(name = "shared", key = "#key", policy = KeyedLock.Policy.SKIP)
        Maybe<String> skippingMaybe(String key) {
            return Maybe.just(key);
        }

        @KeyedLock(name = "shared", key = "#key", policy = KeyedLock.Policy.SKIP)
        Completable skippingCompletable(String key, Completable body) {
            return body;
        }
    }

    static class Skipping {

        @KeyedLock(key = "#keys", policy = KeyedLock.Policy.SKIP)
        Single<String> single(List<String> keys) {
            return Single.just("never");
        }
    }
}
