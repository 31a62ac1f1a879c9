// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Cases 1 to 9: one caller per key, ownership, arguments, order. */
@SuppressWarnings("LockNotBeforeTry") // the views are called step by step
class CoreCasesTests {

    private static final Duration LONG = Duration.ofMinutes(2);

    @RegisterExtension
    final Cast cast = new Cast();

    private final KeyedLocker<Object> locker = KeyedLocker.create();

    @Test
    @DisplayName("case 1: one key, 100 threads, one holder at a time")
    void oneKeyAdmitsOneOfAHundredThreads() {
        Section section = new Section();
        int[] plain = new int[1];
        List<Future<?>> all = new ArrayList<>();
        CyclicBarrier start = new CyclicBarrier(100);
        for (int i = 0; i < 100; i++) {
            all.add(cast.actor("t" + i).begins(() -> {
                start.await(2, TimeUnit.MINUTES);
                for (int n = 0; n < 50; n++) {
                    locker.run("k", () -> {
                        section.enter();
                        plain[0]++;
                        section.leave();
                    });
                }
                return null;
            }));
        }
        all.forEach(Actor::result);
        assertThat(section.peak()).isEqualTo(1);
        assertThat(plain[0]).isEqualTo(5_000);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest(name = "{0} keys")
    @ValueSource(ints = {100, 50, 10, 1})
    @DisplayName("case 2: 100 threads over n keys, at most n holders, and n of them if n is above one")
    void oneHolderPerKeyIsAdmitted(int keys) {
        Section section = new Section();
        CountDownLatch oneOfEach = new CountDownLatch(keys);
        boolean[] met = new boolean[keys];
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            int key = i % keys;
            all.add(cast.actor("t" + i)
                    .begins(() -> locker.call(key, () -> {
                        section.enter();
                        if (!met[key]) {
                            met[key] = true;
                            oneOfEach.countDown();
                            assertThat(oneOfEach.await(2, TimeUnit.MINUTES)).isTrue();
                        }
                        section.leave();
                        return null;
                    })));
        }
        all.forEach(Actor::result);
        assertThat(section.peak()).isEqualTo(keys);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 3: equal keys that are not identical share a lock")
    void equalKeysShareALock() throws Exception {
        String one = new String(new char[] {'4', '2'});
        String other = new String(new char[] {'4', '2'});
        Permit held = locker.acquire(one);
        assertThat(cast.actor("b").does(() -> locker.tryAcquire(other))).isEmpty();
        held.close();
        assertThat(cast.actor("c").does(() -> locker.tryAcquire(other))).isPresent();
    }

    @Test
    @DisplayName("case 3: unequal keys of equal hash code are independent, also nested and all in one bucket")
    void collidingKeysAreIndependent() throws Exception {
        assertThat("Aa".hashCode()).isEqualTo("BB".hashCode());
        List<Permit> nested = new ArrayList<>(List.of(locker.acquire("Aa")));
        for (int i = 0; i < 100; i++) {
            nested.add(locker.acquire(new Colliding(i)));
        }
        Actor other = cast.actor("b");
        assertThat(other.does(() -> locker.tryAcquire("BB"))).isPresent();
        assertThat(other.does(() -> locker.tryAcquire(new Colliding(100)))).isPresent();
        for (int i = 0; i < 100; i++) {
            Colliding same = new Colliding(i);
            assertThat(other.does(() -> locker.tryAcquire(same))).isEmpty();
        }
        // Starts in the middle, so that entries are removed at the ends of the chain and within it.
        for (int i : new int[] {50, 0, 100, 51, 49}) {
            nested.get(i).close();
        }
        assertThat(locker.activeKeyCount()).isEqualTo(2 + 101 - 5);
        assertThat(other.does(() -> locker.tryAcquire("Aa"))).isPresent();
        assertThat(other.does(() -> locker.tryAcquire(new Colliding(48)))).isPresent();
        assertThat(other.does(() -> locker.tryAcquire(new Colliding(47)))).isEmpty();
    }

    @Test
    @DisplayName("case 4: an exception of the body is thrown unchanged and the key is free")
    void throwingBodyReleases() throws Exception {
        Exception checked = new Exception("checked");
        RuntimeException unchecked = new RuntimeException("unchecked");
        Error error = new AssertionError("error");
        assertThat(catchThrowable(() -> locker.call("k", () -> {
                    throw checked;
                })))
                .isSameAs(checked);
        assertThat(catchThrowable(() -> locker.run("k", () -> {
                    throw unchecked;
                })))
                .isSameAs(unchecked);
        assertThat(catchThrowable(() -> locker.call("k", () -> {
                    throw error;
                })))
                .isSameAs(error);
        assertThat(locker.isActive("k")).isFalse();
        assertThat(locker.<String>call("k", () -> "again")).isEqualTo("again");
    }

    @Test
    @DisplayName("case 5: a second close does nothing, and never frees the next holder")
    void secondCloseNeverFreesTheNextHolder() throws Exception {
        Actor next = cast.actor("next");
        Actor stranger = cast.actor("stranger");
        Permit first = locker.acquire("k");
        first.close();
        first.close();
        Permit second = next.does(() -> locker.acquire("k"));
        first.close();
        stranger.runs(first::close);
        assertThat(stranger.does(() -> locker.tryAcquire("k"))).isEmpty();
        second.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 5: a second close releases no permit of other holders")
    void secondCloseFreesNoOtherHolderOfTheKey() throws Exception {
        KeyedLocker<String> three =
                KeyedLocker.create(KeyedLockerSettings.defaults().withLimit(3));
        Permit mine = three.acquire("k");
        Permit b = cast.actor("b").does(() -> three.acquire("k"));
        Permit c = cast.actor("c").does(() -> three.acquire("k"));
        for (Permit closedTwice : List.of(b, mine)) {
            closedTwice.close();
            closedTwice.close();
        }
        assertThat(Cast.holders(three, "k")).isEqualTo(1);
        assertThat(cast.actor("d").does(() -> three.tryAcquire("k"))).isPresent();
        assertThat(cast.actor("e").does(() -> three.tryAcquire("k"))).isPresent();
        assertThat(cast.actor("f").does(() -> three.tryAcquire("k"))).isEmpty();
        c.close();
        c.close();
        assertThat(Cast.holders(three, "k")).isEqualTo(2);
    }

    @Test
    @DisplayName("case 5: two threads close one permit at once, and only one of two waiters enters")
    void concurrentClosesReleaseOnce() throws Exception {
        Actor a = cast.actor("a");
        Actor b = cast.actor("b");
        for (int round = 0; round < 1_000; round++) {
            Permit permit = locker.acquireAsync("k").join();
            Future<Permit> first = locker.acquireAsync("k");
            Future<Permit> second = locker.acquireAsync("k");
            CyclicBarrier together = new CyclicBarrier(2);
            Future<?> one = a.begins(() -> {
                together.await();
                permit.close();
                return null;
            });
            b.does(() -> {
                together.await();
                permit.close();
                return null;
            });
            Actor.result(one);
            assertThat(first.isDone()).isTrue();
            assertThat(second.isDone()).isFalse();
            first.get().close();
            second.get().close();
            assertThat(locker.activeKeyCount()).isZero();
        }
    }

    @Test
    @DisplayName("case 6: a permit closed by another thread is released")
    void anyThreadMayClose() throws Exception {
        Permit permit = cast.actor("taker").does(() -> locker.acquire("k"));
        Actor waiter = cast.actor("waiter");
        Future<Permit> waiting = waiter.begins(() -> locker.acquire("k"));
        Cast.untilWaiters(locker, "k", 1);
        permit.close();
        Permit next = Actor.result(waiting);
        assertThat(locker.tryAcquire("k")).isEmpty();
        next.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 7: every acquire method reenters without waiting and without a second permit")
    void threadReenters() throws Exception {
        Actor other = cast.actor("other");
        Permit outer = locker.acquire("k");
        List<Permit> inner = new ArrayList<>();
        inner.add(locker.acquire("k"));
        inner.add(locker.acquire("k", Duration.ZERO));
        inner.add(locker.tryAcquire("k").orElseThrow());
        inner.add(locker.tryAcquire("k", LONG).orElseThrow());
        inner.add(locker.acquireAll(List.of("k")));
        locker.asLock("k").lock();
        locker.run("k", () -> assertThat(Cast.holders(locker, "k")).isEqualTo(1));
        locker.asLock("k").unlock();
        inner.forEach(permit -> {
            assertThat(other.does(() -> locker.tryAcquire("k"))).isEmpty();
            permit.close();
            permit.close();
        });
        assertThat(other.does(() -> locker.tryAcquire("k"))).isEmpty();
        outer.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 7: permits of one thread may be closed in any order; the key is free once all are")
    void reentriesCloseInAnyOrder() throws Exception {
        Permit outer = locker.acquire("k");
        Permit middle = locker.acquire("k");
        Permit inner = locker.acquire("k");
        outer.close();
        outer.close();
        Permit again = locker.acquire("k");
        middle.close();
        middle.close();
        inner.close();
        assertThat(cast.actor("other").does(() -> locker.tryAcquire("k"))).isEmpty();
        again.close();
        assertThat(cast.actor("another").does(() -> locker.tryAcquire("k"))).isPresent();
    }

    @Test
    @DisplayName("case 7: reentry takes neither a second permit nor a place in a full queue")
    void reentryTakesNoSecondPermit() throws Exception {
        KeyedLocker<String> two =
                KeyedLocker.create(KeyedLockerSettings.defaults().withLimit(2).withMaxWaiters(0));
        Permit mine = two.acquire("k");
        Permit again = two.acquire("k");
        Permit others = cast.actor("b").does(() -> two.acquire("k"));
        assertThat(two.tryAcquire("k")).isPresent();
        assertThat(cast.actor("c").does(() -> two.tryAcquire("k"))).isEmpty();
        Actor b = cast.actor("d");
        others.close();
        Permit d = b.does(() -> two.acquire("k"));
        assertThat(b.does(() -> two.tryAcquire("k"))).isPresent();
        List.of(mine, again, d).forEach(Permit::close);
        assertThat(Cast.holders(two, "k")).isEqualTo(2);
    }

    @Test
    @DisplayName("case 7: one of many holders of a key reenters")
    void oneOfManyHoldersReenters() {
        KeyedLocker<String> many =
                KeyedLocker.create(KeyedLockerSettings.defaults().withLimit(60));
        List<Actor> actors = new ArrayList<>();
        List<Permit> permits = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            Actor actor = cast.actor("a" + i);
            actors.add(actor);
            permits.add(actor.does(() -> many.acquire("k")));
        }
        permits.get(7).close();
        permits.set(7, actors.get(7).does(() -> many.acquire("k")));
        for (Actor actor : actors) {
            permits.add(actor.does(() -> many.acquire("k")));
        }
        assertThat(Cast.holders(many, "k")).isEqualTo(50);
        permits.subList(0, 50).forEach(Permit::close);
        assertThat(Cast.holders(many, "k")).isEqualTo(50);
        permits.forEach(Permit::close);
        assertThat(many.isActive("k")).isFalse();
    }

    @Test
    @DisplayName("case 7: without reentrance, a blocking call throws and a try is empty")
    void withoutReentranceSecondAcquisitionFailsAtOnce() throws Exception {
        KeyedLocker<String> strict = KeyedLocker.create(
                KeyedLockerSettings.defaults().withName("orders").withReentrant(false));
        Permit permit = strict.acquire("42");
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> strict.acquire("42"),
                () -> strict.acquire("42", LONG),
                () -> strict.acquireAll(List.of("41", "42")),
                () -> strict.run("42", () -> {}),
                () -> strict.asLock("42").lock())) {
            assertThatThrownBy(call)
                    .isInstanceOf(LockReentryException.class)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("Locker 'orders' is not reentrant, and the current thread already holds key '42'")
                    .satisfies(e -> {
                        assertThat(((LockReentryException) e).lockName()).isEqualTo("orders");
                        assertThat(((LockReentryException) e).key()).isEqualTo("42");
                    });
        }
        assertThat(strict.tryAcquire("42")).isEmpty();
        assertThat(strict.tryAcquire("42", LONG)).isEmpty();
        assertThat(strict.tryAcquireAll(List.of("41", "42"))).isEmpty();
        assertThat(strict.asLock("42").tryLock()).isFalse();
        assertThat(strict.activeKeys()).containsExactly("42");
        permit.close();
        strict.acquire("42").close();
        assertThat(strict.activeKeyCount()).isZero();
    }

    static Stream<Arguments> badArguments() {
        KeyedLocker<Object> locker = KeyedLocker.create();
        Duration negative = Duration.ofNanos(-1);
        List<Object> withNull = Arrays.asList("a", null);
        return Stream.of(
                bad(locker, NullPointerException.class, () -> locker.acquire(null)),
                bad(locker, NullPointerException.class, () -> locker.acquire(null, LONG)),
                bad(locker, NullPointerException.class, () -> locker.acquire("k", null)),
                bad(locker, IllegalArgumentException.class, () -> locker.acquire("k", negative)),
                bad(locker, NullPointerException.class, () -> locker.tryAcquire(null)),
                bad(locker, NullPointerException.class, () -> locker.tryAcquire(null, LONG)),
                bad(locker, NullPointerException.class, () -> locker.tryAcquire("k", null)),
                bad(locker, IllegalArgumentException.class, () -> locker.tryAcquire("k", negative)),
                bad(locker, NullPointerException.class, () -> locker.acquireAsync(null)),
                bad(locker, NullPointerException.class, () -> locker.acquireAsync(null, LONG)),
                bad(locker, NullPointerException.class, () -> locker.acquireAsync("k", null)),
                bad(locker, IllegalArgumentException.class, () -> locker.acquireAsync("k", negative)),
                bad(locker, NullPointerException.class, () -> locker.acquireAll(null)),
                bad(locker, NullPointerException.class, () -> locker.acquireAll(withNull)),
                bad(locker, NullPointerException.class, () -> locker.acquireAll(withNull, LONG)),
                bad(locker, NullPointerException.class, () -> locker.acquireAll(List.of("k"), null)),
                bad(locker, IllegalArgumentException.class, () -> locker.acquireAll(List.of("k"), negative)),
                bad(locker, NullPointerException.class, () -> locker.tryAcquireAll(null)),
                bad(locker, NullPointerException.class, () -> locker.tryAcquireAll(withNull)),
                bad(locker, NullPointerException.class, () -> locker.acquireAllAsync(withNull, LONG)),
                bad(locker, NullPointerException.class, () -> locker.acquireAllAsync(List.of("k"), null)),
                bad(locker, IllegalArgumentException.class, () -> locker.acquireAllAsync(List.of("k"), negative)),
                bad(locker, NullPointerException.class, () -> locker.run(null, () -> {})),
                bad(locker, NullPointerException.class, () -> locker.run("k", null)),
                bad(locker, NullPointerException.class, () -> locker.call(null, () -> 1)),
                bad(locker, NullPointerException.class, () -> locker.call("k", null)),
                bad(locker, NullPointerException.class, () -> locker.supplyAsync(null, () -> 1, Runnable::run)),
                bad(locker, NullPointerException.class, () -> locker.supplyAsync("k", null, Runnable::run)),
                bad(locker, NullPointerException.class, () -> locker.supplyAsync("k", () -> 1, null)),
                bad(locker, NullPointerException.class, () -> locker.asLock(null)),
                bad(locker, NullPointerException.class, () -> locker.isActive(null)),
                bad(locker, NullPointerException.class, () -> locker.snapshot(null)),
                bad(locker, NullPointerException.class, () -> locker.awaitIdle(null)),
                bad(locker, IllegalArgumentException.class, () -> locker.awaitIdle(negative)),
                bad(locker, IllegalArgumentException.class, () -> locker.overview(-1)),
                bad(locker, NullPointerException.class, () -> KeyedLocker.create(null)),
                bad(
                        locker,
                        NullPointerException.class,
                        () -> KeyedLocker.create(KeyedLockerSettings.defaults(), null)));
    }

    private static Arguments bad(
            KeyedLocker<Object> locker, Class<? extends Exception> expected, ThrowingCallable call) {
        return Arguments.of(locker, expected, call);
    }

    @ParameterizedTest(name = "[{index}] {1}")
    @MethodSource("badArguments")
    @DisplayName("case 8: a null or negative argument is rejected before anything is counted")
    void invalidArgumentIsRejectedBeforeAnythingIsCounted(
            KeyedLocker<Object> asked, Class<? extends Exception> expected, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(expected);
        assertThat(asked.activeKeyCount()).isZero();
        assertThat(asked.activeKeys()).isEmpty();
    }

    @Test
    @DisplayName("case 8: a limit below 1 is rejected")
    void limitBelowOneIsRejected() {
        assertThatThrownBy(() -> KeyedLockerSettings.defaults().withLimit(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("limit must be at least 1, but is 0");
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("case 9: waiters acquire in the order of their arrival")
    void waitersEnterInOrderOfArrival(boolean fair) throws Exception {
        KeyedLocker<String> ordered =
                KeyedLocker.create(KeyedLockerSettings.defaults().withFair(fair));
        Permit held = ordered.acquire("k");
        List<Integer> entered = new ArrayList<>();
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            int number = i;
            all.add(cast.actor("w" + i).begins(() -> {
                ordered.run("k", () -> entered.add(number));
                return null;
            }));
            Cast.untilWaiters(ordered, "k", i + 1);
        }
        held.close();
        all.forEach(Actor::result);
        assertThat(entered).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    }

    @Test
    @DisplayName("case 9: with fair = true the permit is handed to the head, and no newcomer overtakes it")
    void fairReleaseHandsOff() throws Exception {
        KeyedLocker<String> fair =
                KeyedLocker.create(KeyedLockerSettings.defaults().withFair(true));
        Permit held = fair.acquire("k");
        Actor waiter = cast.actor("waiter");
        Actor newcomer = cast.actor("newcomer");
        Future<Permit> waiting = waiter.begins(() -> fair.acquire("k"));
        Cast.untilWaiters(fair, "k", 1);
        held.close();
        Optional<Permit> barged = newcomer.does(() -> fair.tryAcquire("k"));
        assertThat(barged).isEmpty();
        assertThat(fair.asLock("k").tryLock()).isFalse();
        Actor.result(waiting).close();
        Lock lock = fair.asLock("k");
        assertThat(lock.tryLock()).isTrue();
        lock.unlock();
    }

    @Test
    @DisplayName("case 9: by default the head may be overtaken for a millisecond, then the next release hands off")
    void headIsOvertakenForABoundedTimeOnly() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        DefaultKeyedLocker<String> unfair = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null, clock);
        Actor newcomer = cast.actor("newcomer");
        Permit[] theirs = {unfair.acquireAsync("k").join()};
        Runnable passOver = () -> {
            theirs[0].close();
            theirs[0] = newcomer.does(() -> unfair.tryAcquire("k")).orElseThrow();
        };
        boolean[] handedOver = new boolean[1];
        clock.script(
                Thread.currentThread(),
                passOver,
                passOver,
                () -> clock.advance(Duration.ofNanos(999_999)),
                passOver,
                () -> clock.advance(Duration.ofNanos(1)),
                () -> {
                    theirs[0].close();
                    handedOver[0] = newcomer.does(() -> unfair.tryAcquire("k")).isEmpty();
                });
        Permit mine = unfair.acquire("k");
        assertThat(handedOver[0]).isTrue();
        assertThat(clock.isPlayedOut(Thread.currentThread())).isTrue();
        mine.close();
        assertThat(unfair.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 9: a head of at least a millisecond is handed the permit, even if it has never checked")
    void overdueHeadIsHandedThePermitByTheRelease() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        DefaultKeyedLocker<String> unfair = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null, clock);
        Permit held = unfair.acquireAsync("k").join();
        Actor newcomer = cast.actor("newcomer");
        boolean[] handedOver = new boolean[1];
        clock.script(Thread.currentThread(), () -> {
            clock.advance(Duration.ofMillis(1));
            held.close();
            handedOver[0] = newcomer.does(() -> unfair.tryAcquire("k")).isEmpty();
        });
        unfair.acquire("k").close();
        assertThat(handedOver[0]).isTrue();
        assertThat(unfair.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 9: the millisecond begins when a waiter becomes the head, not when it is enqueued")
    void timeIsCountedFromBecomingTheHead() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        DefaultKeyedLocker<String> unfair = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null, clock);
        Permit held = unfair.acquireAsync("k").join();
        Future<Permit> ahead = unfair.acquireAsync("k");
        Actor newcomer = cast.actor("newcomer");
        boolean[] passedOver = new boolean[1];
        clock.script(
                Thread.currentThread(),
                () -> clock.advance(Duration.ofSeconds(1)),
                () -> {
                    held.close();
                    assertThat(ahead).isDone();
                },
                () -> {
                    Actor.result(ahead).close();
                    Optional<Permit> barged = newcomer.does(() -> unfair.tryAcquire("k"));
                    passedOver[0] = barged.isPresent();
                    barged.ifPresent(Permit::close);
                });
        unfair.acquire("k").close();
        assertThat(passedOver[0]).isTrue();
        assertThat(unfair.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 9: a waiter that wakes before the head does not take the head's permit")
    void waitersNeverOvertakeEachOther() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        DefaultKeyedLocker<String> unfair = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null, clock);
        Permit held = unfair.acquireAsync("k").join();
        Actor head = cast.actor("head");
        CountDownLatch mayLook = new CountDownLatch(1);
        clock.script(head.thread(), () -> await(mayLook));
        Future<Permit> first = head.begins(() -> unfair.acquire("k"));
        Cast.untilWaiters(unfair, "k", 1);
        int[] holdersSeen = new int[1];
        clock.script(Thread.currentThread(), held::close, () -> {
            holdersSeen[0] = Cast.holders(unfair, "k");
            mayLook.countDown();
            Actor.result(first);
            head.begins(() -> {
                Actor.result(first).close();
                return null;
            });
        });
        unfair.acquire("k").close();
        assertThat(holdersSeen[0]).isZero();
        assertThat(unfair.activeKeyCount()).isZero();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(2, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
