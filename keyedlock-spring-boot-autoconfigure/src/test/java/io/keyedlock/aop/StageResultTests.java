// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** Methods that return a stage. */
class StageResultTests {

    private final ApplicationContextRunner runner = Contexts.runner(Stages.class)
            .withPropertyValues("keyedlock.locks.full.max-waiters=1", "keyedlock.locks.shared.limit=1");

    @Test
    void bodiesOfOneKeyExcludeEachOtherAndTheCallerIsNeverBlocked() {
        with((stages, lockers) -> {
            CompletableFuture<String> first = stages.send("a");
            CompletableFuture<String> second = stages.send("a");
            CompletableFuture<String> other = stages.send("b");
            assertThat(stages.bodies().keys()).containsExactly("a", "b");
            assertThat(List.of(first, second, other)).noneMatch(CompletableFuture::isDone);
            stages.running().get(0).complete("first");
            stages.bodies().await(3);
            assertThat(first).isCompletedWithValue("first");
            assertThat(second).isNotDone();
            stages.running().get(2).complete("second");
            stages.running().get(1).complete("other");
            assertThat(List.of(second.get(), other.get())).containsExactly("second", "other");
        });
    }

    @Test
    void eachKeyAdmitsUpToTheLimit() {
        with((stages, lockers) -> {
            List<CompletableFuture<String>> results =
                    IntStream.range(0, 6).mapToObj(i -> stages.limited("a")).toList();
            assertThat(stages.bodies().keys()).hasSize(3);
            for (int i = 0; i < 6; i++) {
                int ended = i;
                Bodies.until(() -> stages.running().size() > ended);
                stages.running().get(i).complete("done");
            }
            for (CompletableFuture<String> result : results) {
                assertThat(result.get(60, TimeUnit.SECONDS)).isEqualTo("done");
            }
        });
    }

    @Test
    void uncontendedBodyRunsOnTheCallersThreadAndAWaitingOneOnTheExecutor() {
        with((stages, lockers) -> {
            CompletableFuture<String> first = stages.send("a");
            stages.send("a");
            assertThat(stages.bodies().thread(0)).isSameAs(Thread.currentThread());
            stages.running().get(0).complete("done");
            stages.bodies().await(2);
            assertThat(first).isCompleted();
            assertThat(stages.bodies().thread(1).getName()).startsWith("keyedlock-body-");
            stages.running().get(1).complete("done");
        });
    }

    @Test
    void executorOfThePropertyTakesPrecedence() {
        runner.withBean("applicationTaskExecutor", Executor.class, () -> named("application"))
                .withBean("bodies", Executor.class, () -> named("mine"))
                .withPropertyValues("keyedlock.executor=bodies")
                .run(context -> assertExecutor(context.getBean(Stages.class), "mine"));
    }

    @Test
    void beanThatIsNoExecutorFailsTheStart() {
        runner.withBean("bodies", Executor.class, () -> Runnable::run)
                .withPropertyValues("keyedlock.executor=nobody")
                .run(context -> assertThat(context)
                        .getFailure()
                        .hasMessageContaining("keyedlock.executor")
                        .hasMessageContaining("nobody")
                        .hasMessageContaining("[bodies]"));
        runner.withPropertyValues("keyedlock.executor=keyedLockerRegistry")
                .run(context -> assertThat(context)
                        .getFailure()
                        .hasMessageContaining("is not a java.util.concurrent.Executor"));
    }

    @Test
    void rejectingExecutorFailsTheResultAndFreesTheKey() {
        runner.withBean("bodies", Executor.class, () -> task -> {
                    throw new RejectedExecutionException("no");
                })
                .withPropertyValues("keyedlock.executor=bodies")
                .run(context -> {
                    Stages stages = context.getBean(Stages.class);
                    stages.send("a");
                    CompletableFuture<String> second = stages.send("a");
                    CompletableFuture<String> third = stages.send("a");
                    stages.running().get(0).complete("done");
                    assertThat(failure(second)).isInstanceOf(RejectedExecutionException.class);
                    assertThat(failure(third)).isInstanceOf(RejectedExecutionException.class);
                    KeyedLockAdviceTests.assertIdle(context.getBean(KeyedLockerRegistry.class));
                });
    }

    @Test
    void keyIsFreeBeforeTheResultCompletes() {
        with((stages, lockers) -> {
            CompletableFuture<Boolean> active = stages.send("a")
                    .thenApply(sent -> Bodies.locker(lockers, "send").isActive("a"));
            CompletableFuture<String> chained = stages.send("b").thenCompose(sent -> stages.send("b"));
            stages.running().get(0).complete("done");
            stages.running().get(1).complete("done");
            assertThat(active).isCompletedWithValue(false);
            assertThat(stages.bodies().thread(2)).isSameAs(Thread.currentThread());
            stages.running().get(2).complete("again");
            assertThat(chained).isCompletedWithValue("again");
        });
    }

    @Test
    void failureOfTheStageArrivesUnchanged() {
        with((stages, lockers) -> {
            IllegalArgumentException failure = new IllegalArgumentException("no");
            CompletableFuture<String> result = stages.send("a");
            stages.running().get(0).completeExceptionally(failure);
            assertThat(failure(result)).isSameAs(failure);
        });
    }

    @Test
    void exceptionOrNullOfTheBodyFailsTheResult() {
        with((stages, lockers) -> {
            assertThat(failure(stages.broken("throw"))).hasMessage("broken");
            assertThat(failure(stages.broken("null")))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("Stages.broken(String)")
                    .hasMessageContaining("returned null instead of a stage");
            assertThat(failure(stages.broken("throw"))).hasMessage("broken");
        });
    }

    @Test
    void cancellingWhileWaitingRemovesTheWaiter() {
        with((stages, lockers) -> {
            stages.send("a");
            CompletableFuture<String> second = stages.send("a");
            CompletableFuture<String> third = stages.send("a");
            CompletableFuture<String> fourth = stages.send("a");
            KeyedLocker<Object> locker = Bodies.locker(lockers, "send");
            assertThat(Bodies.waiters(locker, "a")).isEqualTo(3);
            assertThat(second.cancel(true)).isTrue();
            assertThat(third.complete("mine")).isTrue();
            assertThat(Bodies.waiters(locker, "a")).isEqualTo(1);
            stages.running().get(0).complete("done");
            stages.bodies().await(2);
            stages.running().get(1).complete("done");
            assertThat(fourth.get(60, TimeUnit.SECONDS)).isEqualTo("done");
            assertThat(second).isCancelled();
            assertThat(third).isCompletedWithValue("mine");
        });
    }

    @Test
    void cancellingWhileRunningCancelsTheStageAndFreesTheKeyOnce() {
        with((stages, lockers) -> {
            CompletableFuture<String> first = stages.send("a");
            CompletableFuture<String> second = stages.send("a");
            CompletableFuture<String> third = stages.send("a");
            assertThat(first.cancel(false)).isTrue();
            assertThat(stages.running().get(0)).isCancelled();
            stages.bodies().await(2);
            assertThat(stages.running().get(0).complete("late")).isFalse();
            assertThat(first.cancel(false)).isTrue();
            assertThat(third).isNotDone();
            assertThat(Bodies.waiters(Bodies.locker(lockers, "send"), "a")).isEqualTo(1);
            stages.running().get(1).complete("done");
            stages.bodies().await(3);
            stages.running().get(2).complete("done");
            assertThat(second.get(60, TimeUnit.SECONDS)).isEqualTo("done");
            assertThat(third.get(60, TimeUnit.SECONDS)).isEqualTo("done");
            assertThatThrownBy(first::join).isInstanceOf(CancellationException.class);
        });
    }

    @Test
    void stageThatIsCancelledByItsOwnerFreesTheKey() {
        with((stages, lockers) -> {
            CompletableFuture<String> result = stages.send("a");
            stages.running().get(0).cancel(false);
            assertThat(result).isCancelled();
        });
    }

    @Test
    void stageThatCannotBeCancelledKeepsTheKeyUntilItHasCompleted() {
        with((stages, lockers) -> {
            CompletableFuture<String> result = stages.minimal("a").toCompletableFuture();
            assertThat(result.cancel(false)).isTrue();
            assertThat(Bodies.locker(lockers, "minimal").isActive("a")).isTrue();
            stages.running().get(0).complete("done");
            assertThat(Bodies.locker(lockers, "minimal").isActive("a")).isFalse();
        });
    }

    @Test
    void resultThatTimesOutLeavesTheStageUnderItsLock() {
        with((stages, lockers) -> {
            CompletableFuture<String> result = stages.send("a").orTimeout(1, TimeUnit.MILLISECONDS);
            assertThat(failure(result)).isInstanceOf(TimeoutException.class);
            assertThat(Bodies.locker(lockers, "send").isActive("a")).isTrue();
            stages.running().get(0).complete("done");
        });
    }

    @Test
    void timeOutFailsTheResult() {
        with((stages, lockers) -> {
            stages.brief("a");
            CompletableFuture<String> second = stages.brief("a");
            assertThat(failure(second))
                    .asInstanceOf(type(LockTimeoutException.class))
                    .satisfies(timeout -> assertThat(timeout.waitTime()).hasMillis(10))
                    .satisfies(timeout -> assertThat(timeout.key()).isEqualTo("a"));
            stages.running().get(0).complete("done");
        });
    }

    @Test
    void rejectFailsTheResultAndSkipCompletesItWithNull() {
        with((stages, lockers) -> {
            stages.reject("a");
            assertThat(failure(stages.reject("a")))
                    .isInstanceOf(LockRejectedException.class)
                    .hasMessageContaining("key 'a'")
                    .hasMessageContaining("Stages.reject(String) does not wait");
            CompletableFuture<Void> first = stages.skip("a");
            assertThat(first).isNotDone();
            assertThat(stages.skip("a")).isCompletedWithValue(null);
            stages.running().get(0).complete("done");
            stages.running().get(1).complete("done");
            assertThat(first).isCompletedWithValue(null);
            stages.reject("a");
            assertThat(stages.bodies().keys()).containsExactly("a", "a", "a");
            stages.running().get(2).complete("done");
        });
    }

    @Test
    void fullQueueFailsTheResult() {
        with((stages, lockers) -> {
            stages.full("a");
            stages.full("a");
            assertThat(failure(stages.full("a")))
                    .isInstanceOf(LockRejectedException.class)
                    .hasMessageContaining("full");
            stages.running().get(0).complete("done");
            stages.bodies().await(2);
            stages.running().get(1).complete("done");
        });
    }

    @Test
    void invalidKeyFailsTheResult() {
        with((stages, lockers) -> {
            assertThat(failure(stages.send(null)))
                    .isInstanceOf(LockKeyException.class)
                    .hasMessageContaining("Stages.send(String)")
                    .hasMessageContaining("key = \"#key\" is null");
            assertThat(failure(stages.all(Arrays.asList("a", null))))
                    .isInstanceOf(LockKeyException.class)
                    .hasMessageContaining("null at index 1");
            assertThat(failure(stages.onCondition(null))).isInstanceOf(LockKeyException.class);
            assertThat(stages.bodies().keys()).isEmpty();
        });
    }

    @Test
    void falseConditionReturnsTheStageOfTheMethod() {
        with((stages, lockers) -> {
            CompletableFuture<String> first = stages.onCondition("unlocked");
            CompletableFuture<String> second = stages.onCondition("unlocked");
            assertThat(first).isSameAs(stages.running().get(0));
            assertThat(second).isSameAs(stages.running().get(1));
            stages.onCondition("locked");
            assertThat(stages.onCondition("locked"))
                    .isNotSameAs(stages.running().get(2));
            assertThat(stages.bodies().keys()).hasSize(3);
            stages.running().get(2).complete("done");
            stages.bodies().await(4);
            stages.running().get(3).complete("done");
        });
    }

    @Test
    void multipleKeysAreAcquiredTogetherInAnyOrder() {
        with((stages, lockers) -> {
            CompletableFuture<String> both = stages.all(List.of("a", "b"));
            CompletableFuture<String> back = stages.all(List.of("b", "a", "b"));
            CompletableFuture<String> one = stages.all(List.of("c"));
            CompletableFuture<String> none = stages.all(List.of());
            assertThat(stages.bodies().keys()).containsExactly("[a, b]", "[c]", "[]");
            stages.running().forEach(stage -> stage.complete("done"));
            stages.bodies().await(4);
            stages.running().get(3).complete("done");
            for (CompletableFuture<String> result : List.of(both, back, one, none)) {
                assertThat(result.get(60, TimeUnit.SECONDS)).isEqualTo("done");
            }
        });
    }

    @Test
    void threadsAndStagesExcludeEachOther() {
        with((stages, lockers) -> {
            KeyedLocker<Object> shared = lockers.get("shared");
            Permit permit = shared.acquire("a");
            CompletableFuture<String> result = stages.shared("a");
            assertThat(stages.bodies().keys()).isEmpty();
            permit.close();
            stages.bodies().await(1);
            assertThat(shared.tryAcquire("a")).isEmpty();
            assertThat(shared.snapshot("a").orElseThrow().holders())
                    .singleElement()
                    .satisfies(holder -> assertThat(holder.threadName()).isEqualTo("async"));
            stages.running().get(0).complete("done");
            assertThat(result.get(60, TimeUnit.SECONDS)).isEqualTo("done");
        });
    }

    /** Cancels at any moment: before the grant, between the grant and the body, during the body, after it. */
    @Test
    void concurrentCancellationsLoseNoPermit() {
        runner.run(context -> {
            Counting counting = context.getBean(Stages.class).counting();
            Stages stages = context.getBean(Stages.class);
            List<CompletableFuture<?>> results = new CopyOnWriteArrayList<>();
            CountDownLatch ended = new CountDownLatch(3);
            for (int caller = 0; caller < 3; caller++) {
                Random random = new Random(caller);
                Thread thread = new Thread(() -> {
                    for (int i = 0; i < 2_000; i++) {
                        CompletableFuture<Integer> result = stages.count("key" + random.nextInt(2));
                        results.add(result);
                        if (random.nextInt(3) == 0) {
                            result.cancel(true);
                        }
                        if (random.nextInt(3) == 0) {
                            ((CompletableFuture<?>) results.get(random.nextInt(results.size()))).cancel(true);
                        }
                    }
                    ended.countDown();
                });
                thread.setDaemon(true);
                thread.start();
            }
            assertThat(ended.await(60, TimeUnit.SECONDS)).isTrue();
            Bodies.until(() -> results.stream().allMatch(CompletableFuture::isDone));
            Bodies.awaitIdle(context.getBean(KeyedLockerRegistry.class));
            assertThat(counting.overlaps).isEmpty();
        });
    }

    private static void assertExecutor(Stages stages, String name) throws Exception {
        stages.send("a");
        CompletableFuture<String> second = stages.send("a");
        stages.running().get(0).complete("done");
        stages.bodies().await(2);
        assertThat(stages.bodies().thread(1).getName()).isEqualTo(name);
        stages.running().get(1).complete("done");
        assertThat(second.get(60, TimeUnit.SECONDS)).isEqualTo("done");
    }

    private static Executor named(String name) {
        return task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            thread.start();
        };
    }

    private void with(Check check) {
        runner.run(context -> {
            KeyedLockerRegistry lockers = context.getBean(KeyedLockerRegistry.class);
            check.on(context.getBean(Stages.class), lockers);
            Bodies.awaitIdle(lockers);
        });
    }

    static Throwable failure(CompletableFuture<?> result) throws Exception {
        try {
            result.get(60, TimeUnit.SECONDS);
            throw new AssertionError("It has not failed: " + result);
        } catch (ExecutionException | CompletionException e) {
            return e.getCause();
        }
    }

    private interface Check {
        void on(Stages stages, KeyedLockerRegistry lockers) throws Exception;
    }

    /** Detects whether two stages of one key are incomplete at once. */
    static final class Counting {

        private final Map<String, CompletableFuture<Integer>> last = new ConcurrentHashMap<>();
        private final List<String> overlaps = new CopyOnWriteArrayList<>();

        CompletableFuture<Integer> body(String key) {
            CompletableFuture<Integer> mine = new CompletableFuture<>();
            CompletableFuture<Integer> before = last.put(key, mine);
            if (before != null && !before.isDone()) {
                overlaps.add(key);
            }
            ForkJoinPool.commonPool().execute(() -> mine.complete(1));
            return mine;
        }
    }

    static class Stages {

        private final Bodies bodies = new Bodies();
        private final List<CompletableFuture<String>> running = new CopyOnWriteArrayList<>();
        private final Counting counting = new Counting();

        Bodies bodies() {
            return bodies;
        }

        List<CompletableFuture<String>> running() {
            return running;
        }

        Counting counting() {
            return counting;
        }

        private CompletableFuture<String> begin(Object key) {
            CompletableFuture<String> stage = new CompletableFuture<>();
            running.add(stage);
            bodies.ran(String.valueOf(key));
            return stage;
        }

        @KeyedLock(key = "#key")
        CompletableFuture<String> send(String key) {
            return begin(key);
        }

        @KeyedLock(key = "#key", limit = 3)
        CompletableFuture<String> limited(String key) {
            return begin(key);
        }

        @KeyedLock(key = "#key")
        CompletionStage<String> minimal(String key) {
            return begin(key).minimalCompletionStage();
        }

        @KeyedLock(key = "#how")
        CompletableFuture<String> broken(String how) {
            if (how.equals("null")) {
                return null;
            }
            throw new IllegalArgumentException("broken");
        }

        @KeyedLock(key = "#key", waitTime = "10ms")
        CompletableFuture<String> brief(String key) {
            return begin(key);
        }

        @KeyedLock(key = "#key", policy = KeyedLock.Policy.REJECT)
        CompletableFuture<String> reject(String key) {
            return begin(key);
        }

        @KeyedLock(key = "#key", policy = KeyedLock.Policy.SKIP)
        CompletableFuture<Void> skip(String key) {
            return begin(key).thenAccept(done -> {});
        }

        @KeyedLock(name = "full", key = "#key")
        CompletableFuture<String> full(String key) {
            return begin(key);
        }

        @KeyedLock(name = "shared", key = "#key")
        CompletableFuture<String> shared(String key) {
            return begin(key);
        }

        @KeyedLock(keys = "#keys")
        CompletableFuture<String> all(List<String> keys) {
            return begin(keys);
        }

        @KeyedLock(key = "#key", condition = "#key.startsWith('locked')")
        CompletableFuture<String> onCondition(String key) {
            return begin(key);
        }

        @KeyedLock(key = "#key")
        CompletableFuture<Integer> count(String key) {
            return counting.body(key);
        }
    }
}
