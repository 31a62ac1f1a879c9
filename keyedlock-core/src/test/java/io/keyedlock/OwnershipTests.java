// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Tasks of {@code supplyAsync}: their order, their thread as owner, and their failures. */
class OwnershipTests {

    @RegisterExtension
    final Cast cast = new Cast();

    private final KeyedLocker<String> locker = KeyedLocker.create();

    /** An executor whose tasks the test runs. */
    private final List<Runnable> handed = new ArrayList<>();

    private final Executor later = handed::add;

    @Test
    @DisplayName("tasks of one key run in the order of the calls, those of different keys run concurrently")
    void tasksOfOneKeyRunInOrder() {
        List<Integer> order = new ArrayList<>();
        List<CompletableFuture<Integer>> results = IntStream.range(0, 5)
                .mapToObj(i -> locker.supplyAsync(
                        "k",
                        () -> {
                            order.add(i);
                            return i;
                        },
                        later))
                .toList();
        locker.supplyAsync("other", () -> 0, later);
        assertThat(handed).hasSize(2);
        handed.remove(1).run();
        for (int i = 0; i < 5; i++) {
            assertThat(handed).hasSize(1);
            assertThat(results.get(i)).isNotDone();
            handed.remove(0).run();
            assertThat(results.get(i)).isCompletedWithValue(i);
        }
        assertThat(order).containsExactly(0, 1, 2, 3, 4);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("the thread of a task is the owner and reenters while the task runs")
    void taskThreadIsTheOwner() {
        Actor worker = cast.actor("worker");
        CompletableFuture<String> result = locker.supplyAsync(
                "k",
                () -> {
                    KeySnapshot<String> seen = locker.snapshot("k").orElseThrow();
                    assertThat(seen.holders()).hasSize(1);
                    Permit again = locker.tryAcquire("k").orElseThrow();
                    again.close();
                    return seen.holders().get(0).threadName();
                },
                later);
        assertThat(locker.snapshot("k").orElseThrow().holders().get(0).threadName())
                .isEqualTo("async");
        CompletableFuture<Permit> next = locker.acquireAsync("k");
        worker.runs(handed.get(0));
        assertThat(result).isCompletedWithValue("worker");
        Permit waiting = next.join();
        assertThat(worker.does(() -> locker.tryAcquire("k"))).isEmpty();
        waiting.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("a task on a thread that holds the key does not affect the thread's own hold")
    void taskOnAThreadThatHoldsTheKey() throws Exception {
        KeyedLocker<String> two =
                KeyedLocker.create(KeyedLockerSettings.defaults().withLimit(2));
        Permit mine = two.acquire("k");
        CompletableFuture<Integer> holders = two.supplyAsync("k", () -> Cast.holders(two, "k"), Runnable::run);
        assertThat(holders).isCompletedWithValue(2);
        assertThat(Cast.holders(two, "k")).isEqualTo(1);
        assertThat(two.tryAcquire("k")).isPresent();
        mine.close();
        assertThat(Cast.holders(two, "k")).isEqualTo(1);
    }

    @Test
    @DisplayName("a permit that a task acquires of its own key and does not close keeps the key held, without an owner")
    void permitAcquiredInsideATaskMayOutliveIt() {
        List<Permit> kept = new ArrayList<>();
        locker.supplyAsync("k", () -> kept.add(locker.tryAcquire("k").orElseThrow()), Runnable::run)
                .join();
        assertThat(locker.isActive("k")).isTrue();
        assertThat(locker.tryAcquire("k")).isEmpty();
        kept.get(0).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("the permit is closed before the result completes")
    void permitIsClosedBeforeTheResultCompletes() {
        List<Boolean> active = new ArrayList<>();
        CompletableFuture<String> good = locker.supplyAsync("k", () -> "v", later);
        good.whenComplete((v, e) -> active.add(locker.isActive("k")));
        handed.remove(0).run();
        CompletableFuture<String> bad = locker.supplyAsync(
                "k",
                () -> {
                    throw new IllegalStateException("thrown on purpose");
                },
                later);
        bad.whenComplete((v, e) -> active.add(locker.isActive("k")));
        handed.remove(0).run();
        assertThat(active).containsExactly(false, false);
        assertThat(Actor.failure(bad)).isInstanceOf(IllegalStateException.class).hasMessage("thrown on purpose");
    }

    @Test
    @DisplayName("a result may be null, and an error of the task fails it unchanged")
    void nullAndErrors() {
        assertThat(locker.supplyAsync("k", () -> null, Runnable::run)).isCompletedWithValue(null);
        Error error = new AssertionError("thrown on purpose");
        CompletableFuture<Object> failed = locker.supplyAsync(
                "k",
                () -> {
                    throw error;
                },
                Runnable::run);
        assertThat(Actor.failure(failed)).isSameAs(error);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("an executor that rejects a task fails the result and frees the key, also after a wait")
    void rejectingExecutorFreesTheKey() {
        Executor rejecting = task -> {
            throw new RejectedExecutionException("thrown on purpose");
        };
        CompletableFuture<Integer> atOnce = locker.supplyAsync("k", () -> 1, rejecting);
        assertThat(Actor.failure(atOnce)).isInstanceOf(RejectedExecutionException.class);
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Integer> waited = locker.supplyAsync("k", () -> 1, rejecting);
        CompletableFuture<Integer> behind = locker.supplyAsync("k", () -> 2, Runnable::run);
        held.close();
        assertThat(Actor.failure(waited)).isInstanceOf(RejectedExecutionException.class);
        assertThat(behind).isCompletedWithValue(2);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("cancelling the result removes a waiting task, and a submitted one does not run")
    void cancelledTaskDoesNotRun() {
        List<String> ran = new ArrayList<>();
        CompletableFuture<Boolean> first = locker.supplyAsync("k", () -> ran.add("first"), later);
        CompletableFuture<Boolean> second = locker.supplyAsync("k", () -> ran.add("second"), later);
        CompletableFuture<Boolean> third = locker.supplyAsync("k", () -> ran.add("third"), later);
        assertThat(second.cancel(true)).isTrue();
        assertThat(Cast.waiters(locker, "k")).isEqualTo(1);
        assertThat(first.cancel(true)).isTrue();
        handed.remove(0).run();
        handed.remove(0).run();
        assertThat(ran).containsExactly("third");
        assertThat(third).isCompletedWithValue(true);
        assertThat(handed).isEmpty();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("a result that times out removes its waiting task")
    void timedOutResultCancelsTheWait() {
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Integer> result =
                locker.supplyAsync("k", () -> 1, Runnable::run).orTimeout(1, TimeUnit.MILLISECONDS);
        assertThat(Actor.failure(result)).isInstanceOf(TimeoutException.class);
        Cast.untilWaiters(locker, "k", 0);
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("a running task keeps its permit when its result is cancelled")
    void runningTaskKeepsItsPermit() throws Exception {
        Actor worker = cast.actor("worker");
        CountDownLatch runs = new CountDownLatch(1);
        CountDownLatch mayEnd = new CountDownLatch(1);
        CompletableFuture<Integer> result = locker.supplyAsync(
                "k",
                () -> {
                    runs.countDown();
                    return Actor.result(CompletableFuture.supplyAsync(() -> {
                        try {
                            mayEnd.await();
                            return 1;
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        }
                    }));
                },
                later);
        Future<?> working = worker.begins(() -> {
            handed.get(0).run();
            return null;
        });
        runs.await();
        assertThat(result.cancel(true)).isTrue();
        assertThat(locker.tryAcquire("k")).isEmpty();
        mayEnd.countDown();
        Actor.result(working);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("a task that its executor runs twice runs once")
    void taskRunsOnce() {
        int[] runs = new int[1];
        CompletableFuture<Integer> result = locker.supplyAsync("k", () -> ++runs[0], later);
        handed.get(0).run();
        handed.get(0).run();
        assertThat(result).isCompletedWithValue(1);
        assertThat(runs[0]).isEqualTo(1);
    }

    @Test
    @DisplayName("only the owner reenters, and only until its permit is closed")
    void onlyTheOwnerReenters() throws Exception {
        Permit permit = locker.acquire("k");
        Actor other = cast.actor("other");
        assertThat(other.does(() -> locker.tryAcquire("k"))).isEmpty();
        permit.close();
        Permit theirs = other.does(() -> locker.acquire("k"));
        assertThat(locker.tryAcquire("k")).isEmpty();
        theirs.close();
    }

    @Test
    @DisplayName("a thread whose permit was closed by another thread is no longer an owner")
    void permitClosedByAnotherThreadIsNoLongerOwned() throws Exception {
        KeyedLocker<String> two =
                KeyedLocker.create(KeyedLockerSettings.defaults().withLimit(2));
        Permit first = two.acquire("k");
        Actor b = cast.actor("b");
        Permit second = b.does(() -> two.acquire("k"));
        cast.actor("stranger").runs(first::close);
        Permit fresh = two.tryAcquire("k").orElseThrow();
        assertThat(Cast.holders(two, "k")).isEqualTo(2);
        b.runs(first::close);
        cast.actor("stranger").runs(second::close);
        assertThat(b.does(() -> two.tryAcquire("k", Duration.ZERO))).isPresent();
        assertThat(Cast.holders(two, "k")).isEqualTo(2);
        fresh.close();
    }
}
