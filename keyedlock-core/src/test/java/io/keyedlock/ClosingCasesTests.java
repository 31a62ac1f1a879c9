// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Case 27: closing and draining a locker. */
@SuppressWarnings("LockNotBeforeTry") // the views are called step by step
class ClosingCasesTests {

    private static final Duration LONG = Duration.ofMinutes(2);

    @RegisterExtension
    final Cast cast = new Cast();

    private final KeyedLocker<String> locker =
            KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));

    @Test
    @DisplayName("case 27: close() fails threads and futures that wait")
    void closeFailsAllWaiters() throws Exception {
        Permit held = locker.acquireAsync("k").join();
        List<Future<?>> waiting = new ArrayList<>();
        waiting.add(cast.actor("a").begins(() -> locker.acquire("k")));
        waiting.add(cast.actor("b").begins(() -> locker.acquire("k", LONG)));
        waiting.add(cast.actor("c").begins(() -> locker.tryAcquire("k", LONG)));
        waiting.add(cast.actor("d").begins(() -> locker.acquireAll(List.of("a", "k", "z"))));
        waiting.add(cast.actor("e").begins(() -> {
            locker.asLock("k").lock();
            return null;
        }));
        waiting.add(cast.actor("f").begins(() -> locker.asLock("k").tryLock(2, TimeUnit.MINUTES)));
        waiting.add(cast.actor("g").begins(() -> {
            locker.asLock("k").lockInterruptibly();
            return null;
        }));
        waiting.add(locker.acquireAsync("k"));
        waiting.add(locker.acquireAsync("k", LONG));
        waiting.add(locker.supplyAsync("k", () -> "never", Runnable::run));
        waiting.add(locker.acquireAllAsync(List.of("b", "k", "y"), LONG));
        Cast.untilWaiters(locker, "k", waiting.size());
        locker.close();
        for (Future<?> future : waiting) {
            assertThat(Actor.failure(future))
                    .isInstanceOf(KeyedLockerClosedException.class)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("Locker 'orders' is closed and grants no permit for key 'k'")
                    .satisfies(e -> {
                        assertThat(((KeyedLockerClosedException) e).lockName()).isEqualTo("orders");
                        assertThat(((KeyedLockerClosedException) e).key()).isEqualTo("k");
                    });
        }
        Cast.until(() -> locker.activeKeys().equals(java.util.Set.of("k")));
        assertThat(Cast.waiters(locker, "k")).isZero();
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 27: after close() holders reenter and release, all others are rejected")
    void holdersOfAClosedLockerFinish() throws Exception {
        Permit held = locker.acquire("k");
        locker.close();
        locker.acquire("k").close();
        locker.tryAcquire("k").orElseThrow().close();
        locker.acquireAll(List.of("k")).close();
        locker.run("k", () -> {});
        locker.asLock("k").lock();
        locker.asLock("k").unlock();
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> locker.acquire("other"),
                () -> locker.acquire("other", LONG),
                () -> locker.tryAcquire("other"),
                () -> locker.tryAcquire("other", LONG),
                () -> locker.acquireAll(List.of("k", "other")),
                () -> locker.tryAcquireAll(List.of("k", "other")),
                () -> locker.run("other", () -> {}),
                () -> locker.call("other", () -> 1),
                () -> locker.asLock("other").lock(),
                () -> locker.asLock("other").tryLock())) {
            assertThatThrownBy(call).isInstanceOf(KeyedLockerClosedException.class);
        }
        assertThatThrownBy(() -> cast.actor("b").does(() -> locker.tryAcquire("k")))
                .isInstanceOf(KeyedLockerClosedException.class);
        assertThat(Actor.failure(locker.acquireAsync("k"))).isInstanceOf(KeyedLockerClosedException.class);
        assertThat(Actor.failure(locker.acquireAllAsync(List.of("x"), LONG)))
                .isInstanceOf(KeyedLockerClosedException.class);
        assertThat(Actor.failure(locker.supplyAsync("x", () -> 1, Runnable::run)))
                .isInstanceOf(KeyedLockerClosedException.class);
        assertThat(locker.activeKeys()).containsExactly("k");
        CompletableFuture<Void> idle = locker.whenIdle();
        held.close();
        assertThat(idle).isCompleted();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 27: closing twice, or from two threads at once, is harmless")
    void closingTwiceIsHarmless() {
        Actor a = cast.actor("a");
        Actor b = cast.actor("b");
        for (int round = 0; round < 200; round++) {
            KeyedLocker<Integer> closed = KeyedLocker.create();
            List<CompletableFuture<Permit>> held = new ArrayList<>();
            List<CompletableFuture<Permit>> waiting = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                held.add(closed.acquireAsync(i));
                waiting.add(closed.acquireAsync(i));
            }
            CyclicBarrier together = new CyclicBarrier(3);
            List<Future<?>> all = new ArrayList<>();
            for (Actor actor : List.of(a, b)) {
                all.add(actor.begins(() -> {
                    together.await();
                    closed.close();
                    return null;
                }));
            }
            cast.actor("releaser").does(() -> {
                together.await();
                held.forEach(f -> f.join().close());
                return null;
            });
            all.forEach(Actor::result);
            closed.close();
            assertThat(waiting).allMatch(CompletableFuture::isDone);
            waiting.stream()
                    .filter(f -> !f.isCompletedExceptionally())
                    .forEach(f -> f.join().close());
            assertThat(closed.activeKeyCount()).isZero();
        }
    }

    @Test
    @DisplayName("case 27: callbacks of failed futures run outside all locks")
    void closeRunsCallbacksOutsideAllLocks() {
        Actor other = cast.actor("other");
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Boolean> seen = locker.acquireAsync("k").handle((permit, failure) -> {
            assertThat(failure).isInstanceOf(KeyedLockerClosedException.class);
            assertThat(other.does(() -> Cast.waiters(locker, "k"))).isZero();
            other.runs(held::close);
            return true;
        });
        locker.close();
        assertThat(seen).isCompletedWithValue(true);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 27: during a drain, waiters keep waiting and holders may acquire more")
    void drainingLetsWorkInProgressEnd() throws Exception {
        KeyedLocker<String> other =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("other"));
        KeyedLocker<String> unrelated = KeyedLocker.create();
        Actor holder = cast.actor("holder");
        Actor waiter = cast.actor("waiter");
        Actor stranger = cast.actor("stranger");
        Permit held = holder.does(() -> locker.acquire("k"));
        Permit elsewhere = stranger.does(() -> unrelated.acquire("x"));
        Future<Permit> waiting = waiter.begins(() -> locker.acquire("k"));
        Cast.untilWaiters(locker, "k", 1);
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        List<KeyedLocker<?>> drained = List.of(locker, other);
        drained.forEach(l -> l.rejectNewCallers(drained));
        assertThatThrownBy(() -> stranger.does(() -> locker.acquire("new")))
                .isInstanceOf(KeyedLockerClosedException.class)
                .hasMessage("Locker 'orders' is draining and accepts no new callers for key 'new'");
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> locker.tryAcquire("new"),
                () -> locker.tryAcquire("new", LONG),
                () -> locker.acquireAll(List.of("new")),
                () -> locker.tryAcquireAll(List.of("new")),
                () -> locker.asLock("new").lock(),
                () -> locker.asLock("new").tryLock(),
                () -> other.acquire("new"))) {
            assertThatThrownBy(call).isInstanceOf(KeyedLockerClosedException.class);
        }
        assertThat(Actor.failure(locker.acquireAsync("new"))).isInstanceOf(KeyedLockerClosedException.class);
        for (KeyedLocker<String> asked : List.of(locker, other)) {
            holder.does(() -> asked.acquire("k")).close();
            holder.does(() -> asked.acquire("new")).close();
            holder.does(() -> asked.tryAcquire("new")).orElseThrow().close();
            holder.does(() -> asked.acquireAll(List.of("k", "new"))).close();
            holder.does(() -> asked.acquireAsync("new")).join().close();
            assertThat(holder.does(() -> asked.supplyAsync("new", () -> 1, Runnable::run)))
                    .isCompletedWithValue(1);
        }
        held.close();
        Permit next = Actor.result(waiting);
        waiter.does(() -> other.acquire("new")).close();
        next.close();
        assertThat(future).isDone();
        future.join().close();
        assertThat(locker.activeKeyCount()).isZero();
        assertThatThrownBy(() -> holder.does(() -> locker.acquire("k"))).isInstanceOf(KeyedLockerClosedException.class);
        drained.forEach(KeyedLocker::acceptNewCallers);
        stranger.does(() -> locker.acquire("new")).close();
        elsewhere.close();
    }

    @Test
    @DisplayName("case 27: a caller that holds nothing is rejected without examining other keys")
    void rejectedCallerExaminesNoOtherKey() throws Exception {
        DefaultKeyedLocker<Integer> drained = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null);
        Permit held = cast.actor("holder").does(() -> drained.acquire(0));
        drained.rejectNewCallers(List.of(drained));
        Stripe stripe = ((Hold) held).entry().stripe;
        int elsewhere = IntStream.range(1, 1_000)
                .filter(key -> drained.stripes.of(DefaultKeyedLocker.hash(key)) != stripe)
                .findFirst()
                .orElseThrow();
        stripe.lock();
        try {
            Future<Permit> rejected = cast.actor("stranger").begins(() -> drained.acquire(elsewhere));
            assertThat(Actor.failure(rejected)).isInstanceOf(KeyedLockerClosedException.class);
        } finally {
            stripe.unlock();
        }
        held.close();
    }

    @Test
    @DisplayName("case 27: a task that starts during a drain may acquire more")
    void taskThatStartsDuringADrainMayAcquireMore() throws Exception {
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<String> task = locker.supplyAsync(
                "k",
                () -> {
                    try (Permit more = locker.acquire("new")) {
                        return more == null ? "never" : "done";
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                },
                Runnable::run);
        locker.rejectNewCallers(List.of(locker));
        cast.actor("releaser").runs(held::close);
        assertThat(task).isCompletedWithValue("done");
    }

    @Test
    @DisplayName("case 27: a caller admitted as a holder of another locker may acquire more afterwards")
    void holderOfAnotherLockerMayAcquireMoreDuringADrain() throws Exception {
        KeyedLocker<String> other =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("other"));
        Actor holder = cast.actor("holder");
        Permit held = holder.does(() -> other.acquire("k"));
        List<KeyedLocker<?>> drained = List.of(locker, other);
        drained.forEach(l -> l.rejectNewCallers(drained));
        Permit second = holder.does(() -> locker.acquire("a"));
        holder.runs(held::close);
        holder.does(() -> locker.acquire("b")).close();
        assertThat(locker.isHeldBy(holder.thread())).isTrue();
        second.close();
    }

    @Test
    @DisplayName("case 27: a holder may acquire more if the lockers are referenced through proxies only")
    void drainingRecognizesHoldersThroughProxies() throws Exception {
        KeyedLocker<String> other =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("other"));
        Actor holder = cast.actor("holder");
        Permit held = holder.does(() -> other.acquire("k"));
        List<KeyedLocker<?>> drained = List.of(proxy(locker), proxy(other));
        drained.forEach(l -> l.rejectNewCallers(drained));
        holder.does(() -> locker.acquire("new")).close();
        assertThat(other.isHeldBy(holder.thread())).isTrue();
        assertThat(locker.isHeldBy(holder.thread())).isFalse();
        held.close();
        assertThat(other.isHeldBy(holder.thread())).isFalse();
        assertThatThrownBy(() -> holder.does(() -> locker.acquire("new")))
                .isInstanceOf(KeyedLockerClosedException.class);
    }

    private static KeyedLocker<?> proxy(KeyedLocker<?> locker) {
        return (KeyedLocker<?>) Proxy.newProxyInstance(
                ClosingCasesTests.class.getClassLoader(),
                new Class<?>[] {KeyedLocker.class},
                (proxy, method, arguments) -> method.invoke(locker, arguments));
    }

    @Test
    @DisplayName("case 27: a waiting call for multiple keys is granted all of them during a drain")
    void multiKeyCallInProgressIsGrantedDuringADrain() throws Exception {
        Permit a = locker.acquireAsync("a").join();
        Permit b = locker.acquireAsync("b").join();
        CompletableFuture<Permit> future = locker.acquireAllAsync(List.of("a", "b"), LONG);
        Future<Permit> thread = cast.actor("waiter").begins(() -> locker.acquireAll(List.of("a", "b")));
        Cast.until(() -> locker.overview(0).waiters() == 2);
        locker.rejectNewCallers(List.of(locker));
        cast.actor("releaser").runs(() -> {
            a.close();
            b.close();
        });
        Actor.result(future).close();
        Actor.result(thread).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 27: ending a drain does not reopen a closed locker")
    void closedStaysClosed() {
        locker.acceptNewCallers();
        assertThat(locker.tryAcquire("k")).isPresent();
        locker.rejectNewCallers(List.of());
        locker.close();
        locker.acceptNewCallers();
        assertThatThrownBy(() -> locker.tryAcquire("x"))
                .isInstanceOf(KeyedLockerClosedException.class)
                .hasMessage("Locker 'orders' is closed and grants no permit for key 'x'");
        locker.rejectNewCallers(List.of());
        assertThatThrownBy(() -> locker.tryAcquire("x"))
                .hasMessage("Locker 'orders' is closed and grants no permit for key 'x'");
    }
}
