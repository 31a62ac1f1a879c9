// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Limit functions that park, throw or call back may fail their caller, but affect neither the key nor other callers. */
@Tag("hostile")
class HostileLimitsTests {

    @RegisterExtension
    final Cast cast = new Cast();

    private final CountDownLatch testIsOver = new CountDownLatch(1);

    private final RecordedWarnings warnings = RecordedWarnings.start();

    @AfterEach
    void letAllGo() {
        testIsOver.countDown();
        warnings.close();
    }

    static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(2, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static KeyedLocker<String> locker(ToIntFunction<Object> limits) {
        return KeyedLocker.create(
                KeyedLockerSettings.defaults().withName("tenants").withLimit(2).withKeyLimits(limits));
    }

    /** The misbehavior of a function. */
    enum Fault {
        EXCEPTION {
            @Override
            int answer() {
                throw new IllegalStateException("as it happens");
            }
        },
        ERROR {
            @Override
            int answer() {
                throw new OutOfMemoryError("as it happens");
            }
        },
        DEEP {
            @Override
            int answer() {
                return deeper() + 1;
            }

            private int deeper() {
                return answer() + 1;
            }
        },
        NEGATIVE {
            @Override
            int answer() {
                return -1;
            }
        };

        abstract int answer();
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    void lockersLimitHoldsWhereTheFunctionFailsAndThatIsLoggedOnce(Fault fault) {
        KeyedLocker<String> locker = locker(key -> fault.answer());
        for (String key : List.of("a", "b")) {
            Permit first = locker.acquireAsync(key).join();
            Permit second = locker.acquireAsync(key).join();
            CompletableFuture<Permit> third = locker.acquireAsync(key);
            assertThat(third).isNotDone();
            locker.refreshLimits();
            assertThat(third).isNotDone();
            first.close();
            second.close();
            third.join().close();
        }
        assertThat(locker.activeKeyCount()).isZero();
        assertThat(warnings.messages())
                .singleElement()
                .asString()
                .contains("limits of Locker 'tenants'", "key 'a'", "limit, 2, applies");
    }

    @Test
    void functionThatParksDelaysOnlyItsCaller() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        KeyedLocker<String> locker = locker(key -> {
            if (Thread.currentThread().getName().equals("parked")) {
                asked.countDown();
                await(testIsOver);
            }
            return 1;
        });
        Permit held = locker.acquireAsync("k").join();
        Future<Permit> parked = cast.actor("parked").begins(() -> locker.acquire("k"));
        await(asked);
        CompletableFuture<Permit> waiting = locker.acquireAsync("k");
        assertThat(waiting).isNotDone();
        locker.setLimit(7);
        locker.refreshLimits();
        held.close();
        waiting.get(2, TimeUnit.MINUTES).close();
        assertThat(locker.awaitIdle(Duration.ofMinutes(2))).isTrue();
        testIsOver.countDown();
        Actor.result(parked).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void refreshThatParksDelaysNobodyElse() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        KeyedLocker<String> locker = locker(key -> {
            if (Thread.currentThread().getName().equals("refresher")) {
                asked.countDown();
                await(testIsOver);
                return 9;
            }
            return 1;
        });
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> waiting = locker.acquireAsync("k");
        Future<?> refresh = cast.actor("refresher").begins(() -> {
            locker.refreshLimits();
            return null;
        });
        await(asked);
        // The later refresh returns first; the result of the earlier one must not replace it.
        locker.refreshLimits();
        CompletableFuture<Permit> behind = locker.acquireAsync("k");
        testIsOver.countDown();
        Actor.result(refresh);
        assertThat(waiting).as("granted under the outdated limit").isNotDone();
        held.close();
        waiting.get(2, TimeUnit.MINUTES).close();
        behind.get(2, TimeUnit.MINUTES).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void functionThatCallsBackFailsAndTheLockersLimitHolds() {
        AtomicInteger calls = new AtomicInteger();
        List<Consumer<KeyedLocker<String>>> callbacks = List.of(
                KeyedLocker::refreshLimits,
                locker -> locker.tryAcquire("k"),
                locker -> locker.acquireAsync("k").cancel(true),
                KeyedLocker::snapshot,
                locker -> locker.tryAcquire("other").ifPresent(Permit::close),
                locker -> locker.setLimit(2));
        for (Consumer<KeyedLocker<String>> callback : callbacks) {
            calls.set(0);
            List<KeyedLocker<String>> self = new ArrayList<>();
            KeyedLocker<String> locker = locker(key -> {
                calls.incrementAndGet();
                callback.accept(self.get(0));
                return 0;
            });
            self.add(locker);
            Permit first = locker.acquireAsync("k").join();
            Permit second = locker.acquireAsync("k").join();
            assertThat(locker.acquireAsync("k").cancel(false)).isTrue();
            locker.refreshLimits();
            assertThat(calls).hasValue(2);
            first.close();
            second.close();
            assertThat(locker.activeKeyCount()).isZero();
        }
    }

    @Test
    void functionThatCausesRefreshesIsCalledABoundedNumberOfTimes() {
        AtomicInteger calls = new AtomicInteger();
        List<KeyedLocker<String>> self = new ArrayList<>();
        Actor refresher = cast.actor("refresher");
        KeyedLocker<String> locker = locker(key -> {
            if (calls.incrementAndGet() < 1_000) {
                refresher.runs(() -> self.get(0).refreshLimits());
            }
            return 1;
        });
        self.add(locker);
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> waiting = locker.acquireAsync("k");
        assertThat(waiting).isNotDone();
        assertThat(calls.get()).isLessThan(100);
        held.close();
        waiting.join().close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void callbackThatParksDelaysNoOtherKey() throws Exception {
        KeyedLocker<Integer> locker = KeyedLocker.create();
        List<Permit> held = new ArrayList<>();
        List<CompletableFuture<Permit>> futures = new ArrayList<>();
        List<Future<Permit>> threads = new ArrayList<>();
        CountDownLatch granted = new CountDownLatch(8);
        for (int key = 0; key < 8; key++) {
            int it = key;
            held.add(locker.acquireAsync(key).join());
            CompletableFuture<Permit> future = locker.acquireAsync(key);
            future.thenRun(() -> await(granted));
            futures.add(future);
            threads.add(cast.actor("w" + key).begins(() -> {
                Permit permit = locker.acquire(it);
                granted.countDown();
                return permit;
            }));
            Cast.untilWaiters(locker, key, 2);
        }
        locker.setLimit(3);
        assertThat(futures).allMatch(CompletableFuture::isDone);
        for (Future<Permit> thread : threads) {
            Actor.result(thread).close();
        }
        futures.forEach(future -> future.join().close());
        held.forEach(Permit::close);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void callbackOfAGrantedFutureMaySetTheLimit() {
        KeyedLocker<String> locker = KeyedLocker.create();
        Permit held = locker.acquireAsync("k").join();
        List<CompletableFuture<Permit>> waiting = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            CompletableFuture<Permit> future = locker.acquireAsync("k");
            future.thenRun(() -> locker.setLimit(locker.limit() + 1));
            waiting.add(future);
        }
        locker.setLimit(2);
        assertThat(waiting).allMatch(CompletableFuture::isDone);
        assertThat(locker.limit()).isEqualTo(7);
        held.close();
        waiting.forEach(future -> future.join().close());
        assertThat(locker.activeKeyCount()).isZero();
    }
}
