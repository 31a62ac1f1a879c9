// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Cases 13 to 18: time-out, cancel, interrupt. */
@SuppressWarnings("LockNotBeforeTry") // the views are called step by step
class WaitCasesTests {

    private static final Duration SECOND = Duration.ofSeconds(1);

    @RegisterExtension
    final Cast cast = new Cast();

    private final ScriptedClock clock = new ScriptedClock();

    private final DefaultKeyedLocker<String> locker = locker(false);

    private DefaultKeyedLocker<String> locker(boolean fair) {
        return DefaultKeyedLocker.create(
                KeyedLockerSettings.defaults().withName("orders").withFair(fair), null, clock);
    }

    @Test
    @DisplayName("case 13: a free key with a wait time of zero is acquired")
    void freeKeyIsAcquiredWithoutWaiting() throws Exception {
        locker.acquire("a", Duration.ZERO);
        assertThat(locker.tryAcquire("b", Duration.ZERO)).isPresent();
        assertThat(locker.acquireAsync("c", Duration.ZERO)).isCompleted();
        locker.acquireAll(List.of("d", "e"), Duration.ZERO);
        assertThat(locker.acquireAllAsync(List.of("f", "g"), Duration.ZERO)).isCompleted();
        assertThat(locker.asLock("h").tryLock(0, TimeUnit.SECONDS)).isTrue();
        assertThat(locker.activeKeys()).containsExactlyInAnyOrder("a", "b", "c", "d", "e", "f", "g", "h");
    }

    @Test
    @DisplayName("case 13: a held key with a wait time of zero is rejected at once, without parking")
    void heldKeyIsRejectedWithoutParking() throws Exception {
        Permit held = locker.acquireAsync("k").join();
        assertThat(locker.tryAcquire("k")).isEmpty();
        assertThat(locker.tryAcquire("k", Duration.ZERO)).isEmpty();
        assertThat(locker.asLock("k").tryLock(0, TimeUnit.SECONDS)).isFalse();
        assertThat(locker.asLock("k").tryLock(-1, TimeUnit.SECONDS)).isFalse();
        assertThat(locker.tryAcquireAll(List.of("j", "k"))).isEmpty();
        assertThatThrownBy(() -> locker.acquire("k", Duration.ZERO)).isInstanceOf(LockTimeoutException.class);
        assertThatThrownBy(() -> locker.acquireAll(List.of("j", "k"), Duration.ZERO))
                .isInstanceOf(LockTimeoutException.class);
        CompletableFuture<Permit> one = locker.acquireAsync("k", Duration.ZERO);
        CompletableFuture<Permit> two = locker.acquireAllAsync(List.of("j", "k"), Duration.ZERO);
        assertThat(one).isCompletedExceptionally();
        assertThat(Actor.failure(one)).isInstanceOf(LockTimeoutException.class);
        assertThat(two).isCompletedExceptionally();
        assertThat(Actor.failure(two)).isInstanceOf(LockTimeoutException.class);
        assertThat(clock.parkings).hasValue(0);
        assertThat(locker.activeKeys()).containsExactly("k");
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("case 14: a timed wait ends with LockTimeoutException or empty and does not affect the holder")
    void timedOutWaiterLeavesNoTrace(boolean fair) throws Exception {
        DefaultKeyedLocker<String> asked = locker(fair);
        Permit held = asked.acquireAsync("42").join();
        clock.script(Thread.currentThread(), () -> clock.advance(SECOND), () -> clock.advance(SECOND));
        assertThatThrownBy(() -> asked.acquire("42", SECOND))
                .isInstanceOf(LockTimeoutException.class)
                .hasMessage("Locker 'orders' did not get a permit for key '42' within 1s")
                .satisfies(e -> {
                    LockTimeoutException timeout = (LockTimeoutException) e;
                    assertThat(timeout.waitTime()).isEqualTo(SECOND);
                    assertThat(timeout.key()).isEqualTo("42");
                    assertThat(timeout.lockName()).isEqualTo("orders");
                });
        assertThat(asked.tryAcquire("42", SECOND)).isEmpty();
        assertThat(Cast.waiters(asked, "42")).isZero();
        assertThat(Cast.holders(asked, "42")).isEqualTo(1);
        held.close();
        assertThat(asked.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 14: spurious wakeups do not end a wait early")
    void spuriousWakeupsDoNotEndTheWait() throws Exception {
        DefaultKeyedLocker<String> fair = locker(true);
        Permit held = fair.acquireAsync("k").join();
        Runnable nothing = () -> {};
        clock.script(
                Thread.currentThread(),
                nothing,
                () -> clock.advance(Duration.ofMillis(400)),
                nothing,
                () -> clock.advance(Duration.ofNanos(599_999_999)),
                () -> clock.advance(Duration.ofNanos(1)));
        assertThat(fair.tryAcquire("k", SECOND)).isEmpty();
        assertThat(clock.pauses).containsExactly(1_000_000_000L, 1_000_000_000L, 600_000_000L, 600_000_000L, 1L);
        held.close();
    }

    @Test
    @DisplayName("case 14: an acquisition without a wait time uses that of the settings")
    void settingsWaitTimeApplies() throws Exception {
        DefaultKeyedLocker<String> brief =
                DefaultKeyedLocker.create(KeyedLockerSettings.defaults().withWaitTime(SECOND), null, clock);
        Permit held = brief.acquireAsync("k").join();
        Runnable pass = () -> clock.advance(SECOND);
        clock.script(Thread.currentThread(), pass, pass, pass, pass);
        assertThatThrownBy(() -> brief.acquire("k")).isInstanceOf(LockTimeoutException.class);
        assertThatThrownBy(() -> brief.run("k", () -> {})).isInstanceOf(LockTimeoutException.class);
        assertThatThrownBy(() -> brief.call("k", () -> 1)).isInstanceOf(LockTimeoutException.class);
        assertThatThrownBy(() -> brief.acquireAll(List.of("k"))).isInstanceOf(LockTimeoutException.class);
        KeyedLocker<String> never =
                KeyedLocker.create(KeyedLockerSettings.defaults().withWaitTime(Duration.ZERO));
        never.acquireAsync("k").join();
        assertThatThrownBy(() -> never.acquire("k")).isInstanceOf(LockTimeoutException.class);
        assertThat(Actor.failure(never.acquireAsync("k"))).isInstanceOf(LockTimeoutException.class);
        assertThat(Actor.failure(never.supplyAsync("k", () -> 1, Runnable::run)))
                .isInstanceOf(LockTimeoutException.class);
        held.close();
        assertThat(brief.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 14: a future times out, also behind other waiters")
    void futureTimesOut() {
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> patient = locker.acquireAsync("k");
        CompletableFuture<Permit> hasty = locker.acquireAsync("k", Duration.ofMillis(5));
        assertThat(Actor.failure(hasty))
                .isInstanceOf(LockTimeoutException.class)
                .hasMessage("Locker 'orders' did not get a permit for key 'k' within 0.005s");
        assertThat(Cast.waiters(locker, "k")).isEqualTo(1);
        held.close();
        assertThat(patient).isCompleted();
        patient.join().close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 15: a set interrupt flag fails interruptible calls, also on a free key, and is cleared")
    void interruptBeforeTheWait() {
        for (Interruptible call : List.<Interruptible>of(
                () -> locker.acquire("k"),
                () -> locker.acquire("k", SECOND),
                () -> locker.acquire("k", Duration.ZERO),
                () -> locker.tryAcquire("k", SECOND),
                () -> locker.tryAcquire("k", Duration.ZERO),
                () -> locker.acquireAll(List.of("k", "l")),
                () -> locker.acquireAll(List.of("k"), SECOND),
                () -> locker.run("k", () -> {}),
                () -> locker.call("k", () -> 1),
                () -> locker.asLock("k").lockInterruptibly(),
                () -> locker.asLock("k").tryLock(1, TimeUnit.SECONDS),
                locker::awaitIdle,
                () -> locker.awaitIdle(SECOND))) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(call::run).isInstanceOf(InterruptedException.class);
            assertThat(Thread.currentThread().isInterrupted()).isFalse();
            assertThat(locker.activeKeyCount()).isZero();
        }
    }

    private interface Interruptible {
        void run() throws Exception;
    }

    @Test
    @DisplayName("case 15: calls that do not wait, and lock(), do not change the interrupt flag")
    void interruptIsIgnoredWhereNothingWaits() {
        Thread.currentThread().interrupt();
        assertThat(locker.tryAcquire("a")).isPresent();
        assertThat(locker.tryAcquireAll(List.of("b", "c"))).isPresent();
        assertThat(locker.acquireAsync("d")).isCompleted();
        assertThat(locker.asLock("e").tryLock()).isTrue();
        locker.asLock("f").lock();
        assertThat(Thread.interrupted()).isTrue();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("case 15: an interrupt during the wait ends it, clears the flag and removes the waiter")
    void interruptDuringTheWait(boolean fair) throws Exception {
        DefaultKeyedLocker<String> asked = locker(fair);
        Permit held = asked.acquireAsync("k").join();
        Runnable interrupt = () -> Thread.currentThread().interrupt();
        clock.script(Thread.currentThread(), interrupt, interrupt, interrupt, interrupt);
        for (Interruptible call : List.<Interruptible>of(
                () -> asked.acquire("k"),
                () -> asked.tryAcquire("k", SECOND),
                () -> asked.acquireAll(List.of("j", "k", "l")),
                () -> asked.asLock("k").lockInterruptibly())) {
            assertThatThrownBy(call::run).isInstanceOf(InterruptedException.class);
            assertThat(Thread.currentThread().isInterrupted()).isFalse();
            assertThat(Cast.waiters(asked, "k")).isZero();
            assertThat(asked.activeKeys()).containsExactly("k");
        }
        held.close();
        assertThat(asked.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 15: lock() keeps waiting through interrupts and sets the flag again")
    void lockKeepsWaitingThroughInterrupts() {
        Permit held = locker.acquireAsync("k").join();
        Lock lock = locker.asLock("k");
        clock.script(
                Thread.currentThread(),
                () -> Thread.currentThread().interrupt(),
                () -> {
                    assertThat(Cast.waiters(locker, "k")).isEqualTo(1);
                    Thread.currentThread().interrupt();
                },
                held::close);
        lock.lock();
        assertThat(Thread.interrupted()).isTrue();
        assertThat(Cast.holders(locker, "k")).isEqualTo(1);
        lock.unlock();
        assertThat(locker.activeKeyCount()).isZero();
    }

    enum Leaving {
        TIMED_OUT,
        INTERRUPTED,
        CANCELLED
    }

    @ParameterizedTest(name = "{0}, number {1}, fair = {2}")
    @CsvSource({
        "TIMED_OUT, 1, true", "TIMED_OUT, 1, false", "TIMED_OUT, 0, true", "TIMED_OUT, 0, false",
        "TIMED_OUT, 2, false", "INTERRUPTED, 1, true", "INTERRUPTED, 1, false", "INTERRUPTED, 0, false",
        "INTERRUPTED, 2, true", "CANCELLED, 1, true", "CANCELLED, 1, false", "CANCELLED, 0, false",
        "CANCELLED, 0, true", "CANCELLED, 2, false"
    })
    @DisplayName("case 16: any of three waiters leaves and the others keep their order")
    void leavingWaiterDoesNotDisturbTheOrder(Leaving leaving, int leaver, boolean fair) {
        DefaultKeyedLocker<String> asked = locker(fair);
        Permit held = asked.acquireAsync("k").join();
        List<Integer> entered = new ArrayList<>();
        List<Future<?>> stayers = new ArrayList<>();
        Runnable leave = () -> {};
        for (int i = 0; i < 3; i++) {
            int number = i;
            Actor actor = cast.actor("w" + i);
            if (i != leaver) {
                stayers.add(actor.begins(() -> {
                    asked.run("k", () -> entered.add(number));
                    return null;
                }));
            } else if (leaving == Leaving.CANCELLED) {
                CompletableFuture<Permit> future = asked.acquireAsync("k");
                leave = () -> assertThat(future.cancel(true)).isTrue();
            } else if (leaving == Leaving.INTERRUPTED) {
                Future<Permit> waiting = actor.begins(() -> asked.acquire("k"));
                leave = () -> {
                    actor.thread().interrupt();
                    assertThat(Actor.failure(waiting)).isInstanceOf(InterruptedException.class);
                };
            } else {
                Future<Permit> waiting = actor.begins(() -> asked.acquire("k", SECOND));
                leave = () -> {
                    clock.advance(SECOND);
                    assertThat(Actor.failure(waiting)).isInstanceOf(LockTimeoutException.class);
                };
            }
            Cast.untilWaiters(asked, "k", i + 1);
        }
        leave.run();
        assertThat(Cast.waiters(asked, "k")).isEqualTo(2);
        held.close();
        stayers.forEach(Actor::result);
        assertThat(entered)
                .containsExactlyElementsOf(
                        List.of(0, 1, 2).stream().filter(i -> i != leaver).toList());
        assertThat(asked.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 17: a wait time that overflows in nanoseconds never ends")
    void overflowingWaitTimeNeverEnds() throws Exception {
        for (Duration endless : List.of(
                Duration.ofSeconds(Long.MAX_VALUE, 999_999_999),
                KeyedLockerSettings.FOREVER,
                Duration.ofNanos(Long.MAX_VALUE).plusNanos(1),
                Duration.ofNanos(Long.MAX_VALUE),
                Duration.ofNanos(Long.MAX_VALUE - 1))) {
            Permit held = locker.acquireAsync("k").join();
            CompletableFuture<Permit> behind = new CompletableFuture<>();
            clock.script(
                    Thread.currentThread(),
                    () -> clock.advance(Duration.ofDays(100 * 365)),
                    () -> locker.acquireAsync("k", endless).thenAccept(behind::complete),
                    held::close);
            Permit mine = locker.tryAcquire("k", endless).orElseThrow();
            assertThat(behind).isNotDone();
            mine.close();
            behind.join().close();
            locker.acquireAll(List.of("k", "l"), endless).close();
            assertThat(locker.asLock("k").tryLock(Long.MAX_VALUE, TimeUnit.DAYS))
                    .isTrue();
            locker.asLock("k").unlock();
            assertThat(locker.awaitIdle(endless)).isTrue();
        }
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest(name = "{0}")
    @EnumSource
    @DisplayName("case 18: a waiter leaves, then the holder releases: the permit is free")
    void permitIsFreeAfterTheWaiterHasLeft(Leaving leaving) {
        for (boolean fair : new boolean[] {true, false}) {
            DefaultKeyedLocker<String> asked = locker(fair);
            Permit held = asked.acquireAsync("k").join();
            if (leaving == Leaving.CANCELLED) {
                CompletableFuture<Permit> future = asked.acquireAsync("k");
                assertThat(future.cancel(false)).isTrue();
            } else {
                clock.script(
                        Thread.currentThread(),
                        leaving == Leaving.TIMED_OUT
                                ? () -> clock.advance(SECOND)
                                : () -> Thread.currentThread().interrupt());
                assertThatThrownBy(() -> asked.acquire("k", SECOND)).isInstanceOf(Exception.class);
            }
            held.close();
            assertThat(asked.activeKeyCount()).isZero();
            assertThat(cast.actor("next").does(() -> asked.tryAcquire("k"))).isPresent();
        }
    }
}
