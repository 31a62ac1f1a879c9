// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Field;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Cases 31 to 34: futures of permits. */
class AsyncCasesTests {

    private static final Duration LONG = Duration.ofMinutes(2);

    @RegisterExtension
    final Cast cast = new Cast();

    private final KeyedLocker<String> locker =
            KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));

    @Test
    @DisplayName("case 31: on a held key the future is pending and nobody is blocked")
    void heldKeyLeavesTheFuturePending() {
        ScriptedClock clock = new ScriptedClock();
        DefaultKeyedLocker<String> scripted = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null, clock);
        Permit held = scripted.acquireAsync("k").join();
        CompletableFuture<Permit> pending = scripted.acquireAsync("k");
        CompletableFuture<Permit> timed = scripted.acquireAsync("k", LONG);
        CompletableFuture<Permit> several = scripted.acquireAllAsync(List.of("j", "k"), LONG);
        CompletableFuture<String> task = scripted.supplyAsync("k", () -> "done", Runnable::run);
        assertThat(List.of(pending, timed, several, task)).noneMatch(CompletableFuture::isDone);
        assertThat(clock.parkings).hasValue(0);
        held.close();
        assertThat(pending).isCompleted();
        assertThat(timed).isNotDone();
        pending.join().close();
        timed.join().close();
        several.join().close();
        assertThat(task).isCompletedWithValue("done");
        assertThat(scripted.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 31: the releasing thread completes the future before close() returns")
    void releasingThreadCompletesTheFuture() {
        Permit held = locker.acquireAsync("k").join();
        Thread[] completer = new Thread[1];
        locker.acquireAsync("k").thenAccept(permit -> {
            completer[0] = Thread.currentThread();
            permit.close();
        });
        Actor releaser = cast.actor("releaser");
        releaser.runs(held::close);
        assertThat(completer[0]).isSameAs(releaser.thread());
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 31: completion never runs a caller's code under an internal lock")
    void completionRunsOutsideAllLocks() throws Exception {
        Actor other = cast.actor("other");
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Boolean> seen = locker.acquireAsync("k").thenApply(permit -> {
            // Another thread uses the same key and would hang if a lock were held.
            assertThat(other.does(() -> locker.tryAcquire("k"))).isEmpty();
            assertThat(other.does(() -> locker.snapshot())).hasSize(1);
            other.runs(permit::close);
            assertThat(other.does(() -> locker.tryAcquire("k"))).isPresent();
            return true;
        });
        held.close();
        assertThat(seen).isCompletedWithValue(true);
    }

    @Test
    @DisplayName("case 31: a callback that throws affects no other caller")
    void throwingCallbackAffectsNoOtherCaller() {
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        first.thenRun(() -> {
            throw new AssertionError("thrown on purpose");
        });
        held.close();
        first.join().close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 31: 20,000 futures whose callbacks close each other's permits do not overflow the stack")
    void longChainOfCompletionsDoesNotOverflowTheStack() {
        Permit held = locker.acquireAsync("k").join();
        int[] done = new int[1];
        List<CompletableFuture<Void>> all = IntStream.range(0, 20_000)
                .mapToObj(i -> locker.acquireAsync("k").thenAccept(permit -> {
                    done[0]++;
                    permit.close();
                }))
                .toList();
        held.close();
        assertThat(done[0]).isEqualTo(20_000);
        assertThat(all).allMatch(f -> f.isDone() && !f.isCompletedExceptionally());
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 31: chains of multi-key futures, tasks and idle futures do not overflow the stack")
    void otherLongChainsDoNotOverflowTheStack() {
        Permit a = locker.acquireAsync("a").join();
        Permit b = locker.acquireAsync("b").join();
        AtomicInteger done = new AtomicInteger();
        List<CompletableFuture<?>> all = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            String key = i % 2 == 0 ? "a" : "b";
            all.add(
                    switch (i % 3) {
                        case 0 ->
                            locker.acquireAsync(key).thenAccept(permit -> {
                                done.incrementAndGet();
                                permit.close();
                            });
                        case 1 -> locker.supplyAsync(key, done::incrementAndGet, Runnable::run);
                        default ->
                            locker.acquireAllAsync(List.of("a", "b"), LONG).thenAccept(permit -> {
                                done.incrementAndGet();
                                permit.close();
                            });
                    });
        }
        CompletableFuture<Void> idle = locker.whenIdle();
        a.close();
        b.close();
        assertThat(done).hasValue(20_000);
        assertThat(all).allMatch(f -> f.isDone() && !f.isCompletedExceptionally());
        assertThat(idle).isCompleted();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 31: invalid arguments throw at once, rejections fail the future")
    void rejectionsFailTheFuture() {
        locker.acquireAsync("k").join();
        assertThatThrownBy(() -> locker.acquireAsync("k", Duration.ofSeconds(-1)))
                .isInstanceOf(IllegalArgumentException.class);
        CompletableFuture<Permit> rejected = locker.acquireAsync("k", Duration.ZERO);
        assertThat(Actor.failure(rejected)).isInstanceOf(LockTimeoutException.class);
        locker.close();
        assertThat(Actor.failure(locker.acquireAsync("x"))).isInstanceOf(KeyedLockerClosedException.class);
    }

    @Test
    @DisplayName("case 32: cancel on a pending future removes the waiter")
    void cancelRemovesTheWaiter() {
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        CompletableFuture<Permit> second = locker.acquireAsync("k");
        assertThat(first.cancel(true)).isTrue();
        assertThat(first.cancel(false)).isTrue();
        assertThat(first).isCancelled();
        assertThat(Cast.waiters(locker, "k")).isEqualTo(1);
        held.close();
        assertThat(second).isCompleted();
        second.join().close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 32: cancel on a granted future is false, and the permit is in the future")
    void cancelAfterTheGrantIsTooLate() {
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> waited = locker.acquireAsync("k");
        held.close();
        CompletableFuture<Permit> free = locker.acquireAsync("free");
        for (CompletableFuture<Permit> granted : List.of(waited, free)) {
            assertThat(granted.cancel(true)).isFalse();
            assertThat(granted).isCompleted();
            granted.join().close();
        }
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 32: the release grants the third if the second was cancelled")
    void cancelledHeadIsSkippedByTheRelease() {
        KeyedLocker<String> two =
                KeyedLocker.create(KeyedLockerSettings.defaults().withLimit(2));
        Permit a = two.acquireAsync("k").join();
        Permit b = two.acquireAsync("k").join();
        List<CompletableFuture<Permit>> waiting =
                IntStream.range(0, 4).mapToObj(i -> two.acquireAsync("k")).toList();
        waiting.get(0).cancel(true);
        waiting.get(2).cancel(true);
        a.close();
        b.close();
        assertThat(waiting.get(1)).isCompleted();
        assertThat(waiting.get(3)).isCompleted();
        waiting.get(1).join().close();
        waiting.get(3).join().close();
        assertThat(two.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 32: cancel after the grant and before the completion of the future is too late")
    void cancelBetweenGrantAndCompletionIsTooLate() {
        for (BiConsumer<CompletableFuture<Permit>, List<Boolean>> outsider : outsiders()) {
            List<Boolean> outcomes = new ArrayList<>();
            List<CompletableFuture<Permit>> futures = new ArrayList<>();
            KeyedLocker<String> observed =
                    KeyedLocker.create(KeyedLockerSettings.defaults(), new KeyedLockerListener() {
                        @Override
                        public void acquired(Object key, Duration waited) {
                            // Called by the granting thread just before it completes the future.
                            if (!futures.isEmpty()) {
                                outsider.accept(futures.get(0), outcomes);
                            }
                        }
                    });
            Permit held = observed.acquireAsync("k").join();
            futures.add(observed.acquireAsync("k"));
            CompletableFuture<Permit> next = observed.acquireAsync("k");
            held.close();
            assertThat(outcomes).containsExactly(false);
            assertThat(futures.get(0)).isCompleted();
            assertThat(next).isNotDone();
            CompletableFuture<Permit> granted = futures.remove(0);
            granted.join().close();
            next.join().close();
            assertThat(observed.activeKeyCount()).isZero();
        }
    }

    @Test
    @DisplayName("case 32: cancel that finds a grant once it has the key's lock is too late")
    void cancelThatFindsAGrantUnderTheLockIsTooLate() {
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        Entry entry = (Entry) held;
        Actor canceller = cast.actor("canceller");
        Waiter granted;
        Future<Boolean> cancelled;
        entry.stripe.lock();
        try {
            cancelled = canceller.begins(() -> future.cancel(true));
            Cast.until(() -> Arrays.stream(canceller.thread().getStackTrace())
                    .anyMatch(frame -> frame.getMethodName().equals("lockContended")));
            // The first half of held.close(): the permit is granted, but the future is not completed.
            assertThat(entry.closeFirst()).isTrue();
            entry.contended().removeHold(entry);
            granted = entry.contended().grantHead();
        } finally {
            entry.stripe.unlock();
        }
        assertThat(Actor.result(cancelled)).isFalse();
        assertThat(future).isCompleted();
        Stripe.completeFutures(granted, null, false);
        future.join().close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    private static List<BiConsumer<CompletableFuture<Permit>, List<Boolean>>> outsiders() {
        return List.of(
                (future, outcomes) -> outcomes.add(future.cancel(true)),
                (future, outcomes) -> outcomes.add(future.complete(() -> {})),
                (future, outcomes) -> outcomes.add(future.completeExceptionally(new TimeoutException())),
                (future, outcomes) -> {
                    future.completeAsync(() -> () -> {}, Runnable::run);
                    outcomes.add(future.isCompletedExceptionally());
                },
                (future, outcomes) -> {
                    assertThat(future.join()).isNotNull();
                    outcomes.add(false);
                },
                (future, outcomes) -> {
                    assertThat(Actor.result(future)).isNotNull();
                    outcomes.add(false);
                });
    }

    @Test
    @DisplayName("case 32: completing, failing or timing out the future from outside cancels the wait")
    void completingFromOutsideCancelsTheWait() {
        Permit held = locker.acquireAsync("k").join();
        Permit own = () -> {};
        CompletableFuture<Permit> completed = locker.acquireAsync("k");
        assertThat(completed.complete(own)).isTrue();
        assertThat(completed.join()).isSameAs(own);
        CompletableFuture<Permit> failed = locker.acquireAsync("k");
        assertThatNullPointerException().isThrownBy(() -> failed.completeExceptionally(null));
        assertThat(Cast.waiters(locker, "k")).isEqualTo(1);
        assertThat(failed.completeExceptionally(new IllegalStateException())).isTrue();
        CompletableFuture<Permit> timed = locker.acquireAsync("k").orTimeout(1, TimeUnit.MILLISECONDS);
        assertThat(Actor.failure(timed)).isInstanceOf(TimeoutException.class);
        CompletableFuture<Permit> replaced = locker.acquireAsync("k").completeOnTimeout(own, 1, TimeUnit.MILLISECONDS);
        assertThat(Actor.result(replaced)).isSameAs(own);
        CompletableFuture<Permit> supplied = locker.acquireAsync("k").completeAsync(() -> own);
        assertThat(Actor.result(supplied)).isSameAs(own);
        CompletableFuture<Permit> broken = locker.acquireAsync("k")
                .completeAsync(
                        () -> {
                            throw new IllegalStateException("thrown on purpose");
                        },
                        Runnable::run);
        assertThat(Actor.failure(broken)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> broken.obtrudeValue(own)).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> broken.obtrudeException(new Exception()))
                .isInstanceOf(UnsupportedOperationException.class);
        assertThat(Cast.waiters(locker, "k")).isZero();
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 32: dependents of a cancelled future see the cancellation")
    void dependentsSeeTheCancellation() {
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        CompletableFuture<Throwable> seen = future.handle((permit, failure) -> failure);
        future.cancel(true);
        assertThat(seen.join()).isInstanceOf(CancellationException.class);
        held.close();
    }

    @Test
    @DisplayName("case 32: concurrent cancel and release: granted or cancelled, never both, never lost")
    void concurrentCancelAndReleaseLoseNoPermit() throws Exception {
        Actor canceller = cast.actor("canceller");
        CyclicBarrier together = new CyclicBarrier(2);
        for (int round = 0; round < 2_000; round++) {
            Permit held = locker.acquireAsync("k").join();
            CompletableFuture<Permit> future = locker.acquireAsync("k");
            Future<Boolean> cancelled = canceller.begins(() -> {
                together.await();
                return future.cancel(true);
            });
            together.await();
            held.close();
            boolean removed = Actor.result(cancelled);
            assertThat(future.isCancelled()).isEqualTo(removed);
            assertThat(locker.isActive("k")).isEqualTo(!removed);
            if (!removed) {
                future.join().close();
            }
            assertThat(locker.activeKeyCount()).isZero();
        }
    }

    @ParameterizedTest(name = "maxWaiters {0}")
    @ValueSource(ints = {0, 1, 3})
    @DisplayName("case 33: a full queue rejects with LockRejectedException; waiters are unaffected; 0 means no queue")
    void fullQueueRejects(int maxWaiters) {
        KeyedLocker<String> small = KeyedLocker.create(
                KeyedLockerSettings.defaults().withName("orders").withMaxWaiters(maxWaiters));
        Permit held = small.acquireAsync("42").join();
        List<CompletableFuture<Permit>> waiting = IntStream.range(0, maxWaiters)
                .mapToObj(i -> small.acquireAsync("42"))
                .toList();
        assertThat(Actor.failure(small.acquireAsync("42")))
                .isInstanceOf(RejectedExecutionException.class)
                .isInstanceOfSatisfying(LockRejectedException.class, e -> {
                    assertThat(e.lockName()).isEqualTo("orders");
                    assertThat(e.key()).isEqualTo("42");
                    assertThat(e)
                            .hasMessage("Locker 'orders' has no permit available for key '42', and maxWaiters = "
                                    + maxWaiters + " admits no further waiter");
                });
        assertThatThrownBy(() -> small.acquire("42")).isInstanceOf(LockRejectedException.class);
        assertThatThrownBy(() -> small.acquire("42", LONG)).isInstanceOf(LockRejectedException.class);
        assertThatThrownBy(() -> small.acquireAll(List.of("41", "42"))).isInstanceOf(LockRejectedException.class);
        assertThatThrownBy(() -> small.asLock("42").lock()).isInstanceOf(LockRejectedException.class);
        assertThat(Actor.failure(small.acquireAllAsync(List.of("41", "42"), LONG)))
                .isInstanceOf(LockRejectedException.class);
        assertThat(Actor.failure(small.supplyAsync("42", () -> 1, Runnable::run)))
                .isInstanceOf(LockRejectedException.class);
        assertThat(small.activeKeys()).containsExactly("42");
        assertThat(waiting).noneMatch(CompletableFuture::isDone);
        held.close();
        waiting.forEach(f -> f.join().close());
        assertThat(small.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 33: a timed try on a full queue is empty at once")
    void timedTryOnFullQueueIsEmptyAtOnce() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        DefaultKeyedLocker<String> none =
                DefaultKeyedLocker.create(KeyedLockerSettings.defaults().withMaxWaiters(0), null, clock);
        none.acquireAsync("k").join();
        assertThat(none.tryAcquire("k", LONG)).isEmpty();
        assertThat(none.asLock("k").tryLock(2, TimeUnit.MINUTES)).isFalse();
        assertThat(clock.parkings).hasValue(0);
    }

    @Test
    @DisplayName("case 33: a free place in the queue is reused; each key has its own queue")
    void placesInTheQueueAreReused() {
        KeyedLocker<String> small =
                KeyedLocker.create(KeyedLockerSettings.defaults().withMaxWaiters(1));
        small.acquireAsync("k").join();
        small.acquireAsync("l").join();
        CompletableFuture<Permit> first = small.acquireAsync("k");
        assertThat(small.acquireAsync("k")).isCompletedExceptionally();
        assertThat(small.acquireAsync("l")).isNotDone();
        first.cancel(true);
        assertThat(small.acquireAsync("k")).isNotDone();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("case 34: futures and threads of one key are granted in the order of the calls")
    void grantedInTheOrderOfTheCalls(boolean fair) {
        KeyedLocker<String> asked =
                KeyedLocker.create(KeyedLockerSettings.defaults().withFair(fair));
        Permit held = asked.acquireAsync("k").join();
        List<Integer> granted = new ArrayList<>();
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            int number = i;
            if (i % 3 == 0) {
                all.add(cast.actor("w" + i).begins(() -> {
                    asked.run("k", () -> granted.add(number));
                    return null;
                }));
                Cast.untilWaiters(asked, "k", i + 1);
            } else {
                all.add(asked.acquireAsync("k").thenAccept(permit -> {
                    granted.add(number);
                    permit.close();
                }));
            }
        }
        held.close();
        all.forEach(Actor::result);
        assertThat(granted).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        assertThat(asked.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 34: a future never overtakes a waiter")
    void futureNeverBarges() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        DefaultKeyedLocker<String> asked = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null, clock);
        Permit held = asked.acquireAsync("k").join();
        List<CompletableFuture<Permit>> late = new ArrayList<>();
        clock.script(Thread.currentThread(), () -> {
            held.close();
            // The permit is free and the head is signalled, but has not checked yet.
            assertThat(Cast.holders(asked, "k")).isZero();
            late.add(asked.acquireAsync("k"));
            late.add(asked.acquireAsync("k", Duration.ZERO));
            assertThat(late.get(0)).isNotDone();
            assertThat(late.get(1)).isCompletedExceptionally();
        });
        Permit mine = asked.acquire("k");
        assertThat(late.get(0)).isNotDone();
        mine.close();
        assertThat(late.get(0)).isCompleted();
        late.get(0).join().close();
        assertThat(asked.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 34: a future at the head is handed the permit; no new thread overtakes it")
    void futureAtTheHeadIsHandedThePermit() {
        List<Boolean> barged = new ArrayList<>();
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> next = locker.acquireAsync("k");
        next.thenRun(() -> barged.add(locker.tryAcquire("k").isPresent()));
        held.close();
        assertThat(barged).containsExactly(false);
        next.join().close();
    }

    @Test
    @DisplayName("case 34: the permit of a future belongs to no thread and does not reenter")
    void asyncPermitBelongsToNoThread() {
        Permit permit = locker.acquireAsync("k").join();
        assertThat(locker.tryAcquire("k")).isEmpty();
        assertThat(locker.acquireAsync("k")).isNotDone();
        assertThat(locker.snapshot("k").orElseThrow().holders().get(0).threadName())
                .isEqualTo("async");
        cast.actor("other").runs(permit::close);
        assertThat(Cast.waiters(locker, "k")).isZero();
    }

    @Test
    @DisplayName("case 34: a future does not reenter a key that its caller holds")
    void acquireAsyncNeverReenters() throws Exception {
        Permit mine = locker.acquire("k");
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        assertThat(future).isNotDone();
        mine.close();
        assertThat(future).isCompleted();
        future.join().close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 34: a future that is granted before its timer is set leaves no timer")
    void lateTimerIsCancelled() throws Exception {
        Actor releaser = cast.actor("releaser");
        CountDownLatch granting = new CountDownLatch(1);
        CountDownLatch returned = new CountDownLatch(1);
        List<Permit> held = new ArrayList<>();
        List<Future<?>> releasing = new ArrayList<>();
        KeyedLocker<String> observed = KeyedLocker.create(KeyedLockerSettings.defaults(), new KeyedLockerListener() {
            @Override
            public Wait waiting(Object key, int ahead) {
                // Called by the caller after it was enqueued and before it sets its timer.
                releasing.add(releaser.begins(() -> {
                    held.get(0).close();
                    return null;
                }));
                await(granting);
                return null;
            }

            @Override
            public void acquired(Object key, Duration waited) {
                // Called by the releaser just before it completes the future.
                if (Thread.currentThread() == releaser.thread()) {
                    granting.countDown();
                    await(returned);
                }
            }
        });
        held.add(observed.acquireAsync("k").join());
        CompletableFuture<Permit> future = observed.acquireAsync("k", Duration.ofDays(1));
        returned.countDown();
        Actor.result(releasing.get(0));
        assertThat(future).isCompleted();
        Field timer = PermitFuture.class.getDeclaredField("timer");
        timer.setAccessible(true);
        assertThat((Future<?>) timer.get(future)).matches(Future::isCancelled, "is cancelled");
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(2, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
