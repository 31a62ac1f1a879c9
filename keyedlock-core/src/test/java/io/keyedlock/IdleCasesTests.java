// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Cases 24 to 26: awaiting the first moment without an active key. */
class IdleCasesTests {

    @RegisterExtension
    final Cast cast = new Cast();

    private final DefaultKeyedLocker<Object> locker = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null);

    @Test
    @DisplayName("case 24: on an idle locker the wait ends at once, also after it was used")
    void idleLockerIsIdle() throws Exception {
        for (int i = 0; i < 2; i++) {
            locker.awaitIdle();
            assertThat(locker.awaitIdle(Duration.ZERO)).isTrue();
            assertThat(locker.whenIdle()).isCompleted();
            locker.acquire(i).close();
        }
    }

    @Test
    @DisplayName("case 24: with two keys held the wait ends after both")
    void waitsForAllKeys() throws Exception {
        Permit a = locker.acquire("a");
        Permit b = locker.acquire("b");
        CompletableFuture<Void> idle = locker.whenIdle();
        Future<Boolean> waiting = cast.actor("waiter").begins(() -> locker.awaitIdle(Duration.ofMinutes(2)));
        Future<Object> endless = cast.actor("endless").begins(() -> {
            locker.awaitIdle();
            return "idle";
        });
        assertThat(locker.awaitIdle(Duration.ZERO)).isFalse();
        a.close();
        assertThat(idle).isNotDone();
        assertThat(waiting.isDone()).isFalse();
        b.close();
        assertThat(idle).isCompleted();
        assertThat(Actor.result(waiting)).isTrue();
        assertThat(Actor.result(endless)).isEqualTo("idle");
        assertNotWatched();
    }

    @Test
    @DisplayName("case 24: a key that only has waiters is active, and so is one held by a future")
    void keyWithWaitersIsActive() throws Exception {
        Permit held = locker.acquire("a");
        CompletableFuture<Permit> next = locker.acquireAsync("a");
        CompletableFuture<Void> idle = locker.whenIdle();
        held.close();
        assertThat(idle).isNotDone();
        next.join().close();
        assertThat(idle).isCompleted();
    }

    @Test
    @DisplayName("case 25: a key acquired before the first idle moment is awaited too")
    void keyAcquiredMeanwhileIsAwaitedToo() throws Exception {
        Permit a = locker.acquire("a");
        CompletableFuture<Void> idle = locker.whenIdle();
        Permit b = locker.acquire("b");
        a.close();
        assertThat(idle).isNotDone();
        a = locker.acquire("a");
        b.close();
        assertThat(idle).isNotDone();
        // More keys than stripes, so that stripes are created and emptied meanwhile.
        List<Permit> many = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            many.add(locker.acquire(i));
        }
        a.close();
        for (Permit permit : many) {
            assertThat(idle).isNotDone();
            permit.close();
        }
        assertThat(idle).isCompleted();
    }

    @Test
    @DisplayName("case 25: the first idle moment ends the wait, even if a key becomes active right after")
    void firstIdleMomentEndsTheWait() throws Exception {
        Permit a = locker.acquire("a");
        CompletableFuture<Void> first = locker.whenIdle();
        List<CompletableFuture<Void>> later = new ArrayList<>();
        // Between the idle moment and its notification, the key is active again and another caller begins to wait.
        Permit[] again = new Permit[1];
        first.thenRun(() -> {
            again[0] = locker.tryAcquire("b").orElseThrow();
            later.add(locker.whenIdle());
        });
        CompletableFuture<Void> together = locker.whenIdle();
        a.close();
        assertThat(first).isCompleted();
        assertThat(together).isCompleted();
        assertThat(later.get(0)).isNotDone();
        again[0].close();
        assertThat(later.get(0)).isCompleted();
        assertNotWatched();
    }

    @Test
    @DisplayName("case 25: the moment is exact over random steps of many keys")
    void idleMomentIsExact() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Map<Integer, Permit> held = new HashMap<>();
        List<CompletableFuture<Void>> waiting = new ArrayList<>();
        for (int step = 0; step < 20_000; step++) {
            int key = random.nextInt(4) * 1_000_003;
            Permit permit = held.remove(key);
            if (permit == null) {
                held.put(key, locker.acquireAsync(key).join());
            } else {
                permit.close();
            }
            boolean idle = held.isEmpty();
            for (CompletableFuture<Void> future : waiting) {
                assertThat(future.isDone()).as("step %d of seed %d", step, seed).isEqualTo(idle);
            }
            if (idle) {
                waiting.clear();
            }
            int dice = random.nextInt(6);
            if (dice == 0) {
                waiting.add(locker.whenIdle());
            } else if (dice == 1 && !waiting.isEmpty()) {
                waiting.remove(random.nextInt(waiting.size())).cancel(true);
            }
            waiting.removeIf(CompletableFuture::isDone);
        }
    }

    @Test
    @DisplayName("case 25: no wait misses the moment while several threads acquire and release")
    void idleMomentIsNotMissedUnderChurn() throws Exception {
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Random random = new Random(i);
            all.add(cast.actor("t" + i).begins(() -> {
                for (int n = 0; n < 30_000; n++) {
                    locker.acquire(random.nextInt(1_000)).close();
                }
                return null;
            }));
        }
        List<CompletableFuture<Void>> idle = new ArrayList<>();
        while (!all.stream().allMatch(Future::isDone)) {
            idle.add(locker.whenIdle());
            locker.awaitIdle();
        }
        all.forEach(Actor::result);
        assertThat(idle).allMatch(CompletableFuture::isDone);
        assertThat(locker.activeKeyCount()).isZero();
        assertNotWatched();
    }

    @Test
    @DisplayName("case 26: a wait that timed out, was interrupted or cancelled is removed")
    void endedWaitLeavesNoTrace() throws Exception {
        Permit held = locker.acquire("a");
        assertThat(locker.awaitIdle(Duration.ofMillis(2))).isFalse();
        assertNotWatched();
        Actor waiter = cast.actor("waiter");
        Future<Object> waiting = waiter.begins(() -> {
            locker.awaitIdle();
            return null;
        });
        Cast.until(() -> locker.stripes.all().get(0).watch != null);
        waiter.thread().interrupt();
        assertThat(Actor.failure(waiting)).isInstanceOf(InterruptedException.class);
        assertNotWatched();
        CompletableFuture<Void> cancelled = locker.whenIdle();
        CompletableFuture<Void> stays = locker.whenIdle();
        cancelled.cancel(true);
        CompletableFuture<Void> timed = locker.whenIdle().orTimeout(2, TimeUnit.MILLISECONDS);
        assertThat(Actor.failure(timed)).isInstanceOf(TimeoutException.class);
        assertThat(stays.cancel(false)).isTrue();
        assertNotWatched();
        locker.whenIdle().complete(null);
        assertNotWatched();
        locker.whenIdle().obtrudeValue(null);
        assertNotWatched();
        locker.whenIdle().completeExceptionally(new IllegalStateException());
        assertNotWatched();
        stays = locker.whenIdle();
        held.close();
        assertThat(stays).isCompleted();
        assertThat(cancelled).isCancelled();
        assertNotWatched();
    }

    @Test
    @DisplayName("case 26: each caller has its own future; cancelling one does not end other waits")
    void futuresAreIndependent() throws Exception {
        Permit held = locker.acquire("a");
        CompletableFuture<Void> one = locker.whenIdle();
        CompletableFuture<Void> other = locker.whenIdle();
        one.complete(null);
        assertThat(other).isNotDone();
        held.close();
        assertThat(other).isCompleted();
    }

    @Test
    @DisplayName("case 26: callbacks of the idle future run outside all locks")
    void idleCallbacksRunOutsideAllLocks() throws Exception {
        Actor other = cast.actor("other");
        Permit held = locker.acquire("a");
        CompletableFuture<Boolean> taken = locker.whenIdle().thenApply(nothing -> {
            assertThat(other.does(() -> locker.awaitIdle(Duration.ZERO))).isTrue();
            other.does(() -> locker.tryAcquire("a")).orElseThrow().close();
            return true;
        });
        held.close();
        assertThat(taken).isCompletedWithValue(true);
    }

    @Test
    @DisplayName("case 26: a negative wait time is rejected")
    void negativeWaitIsRejected() {
        assertThatThrownBy(() -> locker.awaitIdle(Duration.ofMillis(-1))).isInstanceOf(IllegalArgumentException.class);
    }

    private void assertNotWatched() {
        Cast.until(() -> locker.stripes.all().stream().allMatch(s -> s.watch == null));
    }
}
