// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Cases 28 to 30: calls that acquire multiple keys. */
class MultiKeyCasesTests {

    private static final Duration SECOND = Duration.ofSeconds(1);

    private static final Duration LONG = Duration.ofMinutes(2);

    @RegisterExtension
    final Cast cast = new Cast();

    private final ScriptedClock clock = new ScriptedClock();

    private final List<Object> acquired = new CopyOnWriteArrayList<>();

    private final List<Object> released = new CopyOnWriteArrayList<>();

    private final DefaultKeyedLocker<Object> locker = DefaultKeyedLocker.create(
            KeyedLockerSettings.defaults(),
            new KeyedLockerListener() {
                @Override
                public void acquired(Object key, Duration waited) {
                    acquired.add(key);
                }

                @Override
                public void released(Object key, Duration held) {
                    released.add(key);
                }
            },
            clock);

    static Stream<Arguments> pairs() {
        return Stream.of(
                Arguments.of("a", "b"),
                Arguments.of(1, "1"),
                Arguments.of("Aa", "BB"),
                Arguments.of(new Colliding(1), new Colliding(2)),
                Arguments.of(new Object(), new Object()));
    }

    @ParameterizedTest(name = "{0} and {1}")
    @MethodSource("pairs")
    @DisplayName("case 28: {a,b} against {b,a}: all callers acquire the keys in one order")
    void allCallersAcquireTheKeysInOneOrder(Object a, Object b) {
        Permit heldA = locker.acquireAsync(a).join();
        Permit heldB = locker.acquireAsync(b).join();
        List<Future<Permit>> waiting = new ArrayList<>();
        waiting.add(cast.actor("ab").begins(() -> locker.acquireAll(List.of(a, b))));
        waiting.add(cast.actor("ba").begins(() -> locker.acquireAll(List.of(b, a))));
        waiting.add(locker.acquireAllAsync(List.of(a, b), LONG));
        waiting.add(locker.acquireAllAsync(List.of(b, a), LONG));
        Cast.until(() -> locker.overview(0).waiters() == 4);
        Object first = Cast.waiters(locker, a) == 4 ? a : b;
        Object second = first == a ? b : a;
        assertThat(Cast.waiters(locker, first)).isEqualTo(4);
        assertThat(Cast.waiters(locker, second)).isZero();
        (first == a ? heldA : heldB).close();
        Cast.untilWaiters(locker, second, 1);
        assertThat(Cast.waiters(locker, first)).isEqualTo(3);
        (first == a ? heldB : heldA).close();
        while (!waiting.isEmpty()) {
            Cast.until(() -> waiting.stream().anyMatch(Future::isDone));
            Future<Permit> one =
                    waiting.stream().filter(Future::isDone).findFirst().orElseThrow();
            waiting.removeIf(f -> f == one);
            Actor.result(one).close();
        }
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest(name = "{0} and {1}")
    @MethodSource("pairs")
    @DisplayName("case 28: {a,b} against {b,a}, many threads: no deadlock, and each section is exclusive")
    void oppositeOrdersDoNotDeadlock(Object a, Object b) {
        KeyedLocker<Object> plain = KeyedLocker.create();
        int[] countOfA = new int[1];
        int[] countOfB = new int[1];
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            List<Object> keys = i % 2 == 0 ? List.of(a, b) : List.of(b, a);
            boolean async = i >= 6;
            all.add(cast.actor("t" + i).begins(() -> {
                for (int n = 0; n < 500; n++) {
                    Permit permit = async ? Actor.result(plain.acquireAllAsync(keys, LONG)) : plain.acquireAll(keys);
                    countOfA[0]++;
                    countOfB[0]++;
                    permit.close();
                    plain.run(a, () -> countOfA[0]++);
                    plain.run(b, () -> countOfB[0]++);
                }
                return null;
            }));
        }
        all.forEach(Actor::result);
        assertThat(countOfA[0]).isEqualTo(8_000);
        assertThat(countOfB[0]).isEqualTo(8_000);
        assertThat(plain.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 28: random sets of keys that collide and have no order, many threads: no deadlock")
    void randomSetsOfCollidingKeysDoNotDeadlock() {
        long seed = System.nanoTime();
        KeyedLocker<Colliding> plain = KeyedLocker.create();
        int[] counters = new int[6];
        int[][] expected = new int[4][6];
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            int number = i;
            Random random = new Random(seed + i);
            all.add(cast.actor("t" + i).begins(() -> {
                for (int n = 0; n < 1_500; n++) {
                    List<Colliding> keys = new ArrayList<>();
                    for (int k = random.nextInt(5); k >= 0; k--) {
                        keys.add(new Colliding(random.nextInt(6)));
                    }
                    Permit permit = plain.acquireAll(keys);
                    keys.stream().map(Colliding::id).distinct().forEach(id -> {
                        counters[id]++;
                        expected[number][id]++;
                    });
                    permit.close();
                }
                return null;
            }));
        }
        all.forEach(Actor::result);
        for (int id = 0; id < 6; id++) {
            int key = id;
            assertThat(counters[id])
                    .as("seed %d", seed)
                    .isEqualTo(Arrays.stream(expected).mapToInt(e -> e[key]).sum());
        }
        assertThat(plain.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 28: duplicates count once")
    void duplicatesCountOnce() throws Exception {
        KeyedLocker<String> strict =
                KeyedLocker.create(KeyedLockerSettings.defaults().withReentrant(false));
        List<String> doubled = List.of("a", "b", new String("a"), "b");
        Permit permit = strict.acquireAll(doubled);
        assertThat(strict.activeKeys()).containsExactlyInAnyOrder("a", "b");
        permit.close();
        assertThat(strict.activeKeyCount()).isZero();
        strict.tryAcquireAll(doubled).orElseThrow().close();
        strict.acquireAllAsync(doubled, Duration.ZERO).join().close();
        assertThat(strict.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 28: an empty collection acquires nothing and is granted at once")
    void emptyCollectionHoldsNothing() throws Exception {
        for (Permit permit : List.of(
                locker.acquireAll(List.of()),
                locker.acquireAll(List.of(), Duration.ZERO),
                locker.tryAcquireAll(List.of()).orElseThrow(),
                locker.acquireAllAsync(List.of(), Duration.ZERO).join())) {
            assertThat(locker.activeKeyCount()).isZero();
            permit.close();
            permit.close();
        }
    }

    @Test
    @DisplayName("case 28: a try acquires all keys or none, and reenters keys of its thread")
    void tryAcquiresAllKeysOrNone() throws Exception {
        Permit held = locker.acquireAsync("b").join();
        assertThat(locker.tryAcquireAll(List.of("a", "b", "c"))).isEmpty();
        assertThat(locker.activeKeys()).containsExactly("b");
        held.close();
        Permit mine = locker.acquire("b");
        Permit all = locker.tryAcquireAll(List.of("a", "b", "c")).orElseThrow();
        all.close();
        all.close();
        assertThat(locker.activeKeys()).containsExactly("b");
        mine.close();
    }

    @Test
    @DisplayName("case 29: the second key times out, the first is released")
    void firstIsReleasedWhenTheSecondTimesOut() throws Exception {
        List<Object> order = orderOf("a", "b");
        Permit held = locker.acquireAsync(order.get(1)).join();
        clock.script(Thread.currentThread(), () -> {
            assertThat(Cast.holders(locker, order.get(0))).isEqualTo(1);
            clock.advance(SECOND);
        });
        assertThatThrownBy(() -> locker.acquireAll(List.of("a", "b"), SECOND))
                .isInstanceOfSatisfying(LockTimeoutException.class, e -> {
                    assertThat(e.key()).isEqualTo(order.get(1));
                    assertThat(e.waitTime()).isEqualTo(SECOND);
                });
        assertThat(locker.activeKeys()).containsExactly(order.get(1));
        CompletableFuture<Permit> future = locker.acquireAllAsync(List.of("a", "b"), Duration.ofMillis(5));
        assertThat(Actor.failure(future)).isInstanceOf(LockTimeoutException.class);
        Cast.until(() -> locker.activeKeys().equals(java.util.Set.of(order.get(1))));
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 29: one deadline applies to all keys")
    void oneDeadlineCoversAllKeys() throws Exception {
        List<Object> order = orderOf("a", "b", "c");
        List<Permit> held =
                order.stream().map(k -> locker.acquireAsync(k).join()).toList();
        clock.script(
                Thread.currentThread(),
                () -> {
                    clock.advance(Duration.ofMillis(600));
                    held.get(0).close();
                },
                () -> {
                    clock.advance(Duration.ofMillis(399));
                    held.get(1).close();
                },
                () -> {
                    assertThat(Cast.waiters(locker, order.get(2))).isEqualTo(1);
                    clock.advance(Duration.ofMillis(1));
                });
        assertThatThrownBy(() -> locker.acquireAll(List.of("a", "b", "c"), SECOND))
                .isInstanceOf(LockTimeoutException.class);
        assertThat(clock.isPlayedOut(Thread.currentThread())).isTrue();
        assertThat(locker.activeKeys()).containsExactly(order.get(2));
        held.get(2).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 29: a deadline may pass between two keys, also of a future")
    void deadlineMayPassBetweenTwoKeys() {
        List<Object> order = orderOf("a", "b");
        Permit first = locker.acquireAsync(order.get(0)).join();
        Permit second = locker.acquireAsync(order.get(1)).join();
        CompletableFuture<Permit> future = locker.acquireAllAsync(List.of("a", "b"), LONG);
        clock.advance(LONG);
        first.close();
        assertThat(future).isCompletedExceptionally();
        assertThat(Actor.failure(future)).isInstanceOf(LockTimeoutException.class);
        assertThat(locker.activeKeys()).containsExactly(order.get(1));
        second.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 29: cancelling a future of multiple keys releases those it has acquired")
    void cancelReleasesTheAcquiredKeys() {
        List<Object> order = orderOf("a", "b", new Colliding(1), new Colliding(2));
        for (Object blocked : order) {
            Permit held = locker.acquireAsync(blocked).join();
            CompletableFuture<Permit> future = locker.acquireAllAsync(order, LONG);
            assertThat(Cast.waiters(locker, blocked)).isEqualTo(1);
            assertThat(future.cancel(true)).isTrue();
            assertThat(locker.activeKeys()).containsExactly(blocked);
            held.close();
            assertThat(locker.activeKeyCount()).isZero();
        }
        CompletableFuture<Permit> granted = locker.acquireAllAsync(order, LONG);
        assertThat(granted.cancel(true)).isFalse();
        assertThat(granted.join()).isNotNull();
        granted.join().close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 29: completing or timing out a future of multiple keys removes its waiter")
    void completingFromOutsideCancelsTheWait() {
        List<Object> order = orderOf("a", "b");
        Permit held = locker.acquireAsync(order.get(1)).join();
        CompletableFuture<Permit> completed = locker.acquireAllAsync(order, LONG);
        assertThat(completed.complete(() -> {})).isTrue();
        CompletableFuture<Permit> failed = locker.acquireAllAsync(order, LONG);
        assertThat(failed.completeExceptionally(new IllegalStateException())).isTrue();
        CompletableFuture<Permit> timed = locker.acquireAllAsync(order, LONG);
        timed.orTimeout(1, java.util.concurrent.TimeUnit.MILLISECONDS);
        assertThat(Actor.failure(timed)).isInstanceOf(java.util.concurrent.TimeoutException.class);
        CompletableFuture<Permit> supplied =
                locker.acquireAllAsync(order, LONG).completeAsync(() -> () -> {}, Runnable::run);
        assertThat(supplied).isCompleted();
        assertThatThrownBy(() -> supplied.obtrudeValue(null)).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> supplied.obtrudeException(new Exception()))
                .isInstanceOf(UnsupportedOperationException.class);
        Cast.until(() -> locker.activeKeyCount() == 1);
        assertThat(Cast.waiters(locker, order.get(1))).isZero();
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 29: an interrupt while waiting for the second key releases the first")
    void interruptReleasesTheFirst() {
        List<Object> order = orderOf(new Colliding(1), new Colliding(2));
        Permit held = locker.acquireAsync(order.get(1)).join();
        Thread me = Thread.currentThread();
        clock.script(me, me::interrupt);
        // Keys that collide are numbered in the order of their first use, which this repeats.
        assertThatThrownBy(() -> locker.acquireAll(order)).isInstanceOf(InterruptedException.class);
        assertThat(locker.activeKeys()).containsExactly(order.get(1));
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 30: the caller's collection is neither changed nor kept")
    void callersCollectionIsNeitherChangedNorKept() throws Exception {
        Collection<Object> fixed = Collections.unmodifiableList(new ArrayList<>(List.of("c", "a", "b", "a")));
        locker.acquireAll(fixed).close();
        locker.tryAcquireAll(fixed).orElseThrow().close();
        locker.acquireAllAsync(fixed, LONG).join().close();
        List<Object> mine = new ArrayList<>(List.of("c", "a", "b", "a"));
        Permit permit = locker.acquireAll(mine);
        assertThat(mine).containsExactly("c", "a", "b", "a");
        mine.clear();
        mine.add("x");
        Permit held = locker.acquireAsync("y").join();
        List<Object> later = new ArrayList<>(List.of("x", "y", "z"));
        CompletableFuture<Permit> future = locker.acquireAllAsync(later, LONG);
        later.clear();
        held.close();
        assertThat(locker.activeKeys()).containsExactlyInAnyOrder("a", "b", "c", "x", "y", "z");
        permit.close();
        future.join().close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 30: release is in reverse order, once")
    void releaseIsInReverseOrder() throws Exception {
        List<Object> keys = List.of("a", "b", "c", "d", new Colliding(1), new Colliding(2), "Aa", "BB");
        for (Permit permit : List.of(locker.acquireAll(keys))) {
            permit.close();
            permit.close();
        }
        assertReversed(8);
        locker.tryAcquireAll(keys).orElseThrow().close();
        assertReversed(8);
        locker.acquireAllAsync(keys, LONG).join().close();
        assertReversed(8);
        Permit held = locker.acquireAsync(orderOf("a", "b", "c").get(2)).join();
        acquired.clear();
        released.clear();
        assertThat(locker.tryAcquireAll(List.of("a", "b", "c"))).isEmpty();
        assertReversed(2);
        held.close();
    }

    private void assertReversed(int count) {
        List<Object> reversed = new ArrayList<>(acquired);
        Collections.reverse(reversed);
        assertThat(released).hasSize(count).isEqualTo(reversed);
        acquired.clear();
        released.clear();
    }

    /** The order in which the keys are acquired. */
    private List<Object> orderOf(Object... keys) {
        acquired.clear();
        locker.tryAcquireAll(List.of(keys)).orElseThrow().close();
        List<Object> order = List.copyOf(acquired);
        acquired.clear();
        released.clear();
        return order;
    }
}
