// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Cases 22 and 23: snapshots and overviews. */
class IntrospectionCasesTests {

    @RegisterExtension
    final Cast cast = new Cast();

    private final ScriptedClock clock = new ScriptedClock();

    /** Settings without the scan, which would read the clock and stamp holds at any time. */
    private final DefaultKeyedLocker<String> locker = DefaultKeyedLocker.create(
            KeyedLockerSettings.defaults()
                    .withLimit(2)
                    .withLongHold(Duration.ZERO)
                    .withDeadlockDetection(KeyedLockerSettings.DeadlockDetection.OFF),
            null,
            clock);

    private void expectActive(String... keys) {
        assertThat(locker.activeKeyCount()).isEqualTo(keys.length);
        assertThat(locker.activeKeys()).containsExactlyInAnyOrder(keys);
        assertThat(locker.snapshot().stream().map(KeySnapshot::key)).containsExactlyInAnyOrder(keys);
        for (String key : List.of("a", "b", "c")) {
            boolean active = List.of(keys).contains(key);
            assertThat(locker.isActive(key)).isEqualTo(active);
            assertThat(locker.snapshot(key).isPresent()).isEqualTo(active);
        }
        LockerOverview<String> overview = locker.overview(10);
        assertThat(overview.activeKeys()).isEqualTo(keys.length);
        assertThat(overview.holders())
                .isEqualTo(locker.snapshot().stream()
                        .mapToInt(s -> s.holders().size())
                        .sum());
        assertThat(overview.waiters())
                .isEqualTo(locker.snapshot().stream()
                        .mapToInt(s -> s.waiters().size())
                        .sum());
        assertThat(locker).hasToString("KeyedLocker[default, " + keys.length + " active keys]");
    }

    @Test
    @DisplayName("case 22: all views of the locker agree at each step from idle to held to idle")
    void allViewsAgree() throws Exception {
        expectActive();
        Permit a = locker.acquire("a");
        expectActive("a");
        Permit again = locker.acquire("a");
        expectActive("a");
        Permit b = locker.acquireAsync("b").join();
        expectActive("a", "b");
        a.close();
        expectActive("a", "b");
        again.close();
        expectActive("b");
        CompletableFuture<Permit> second = locker.acquireAsync("b");
        CompletableFuture<Permit> waiting = locker.acquireAsync("b");
        b.close();
        expectActive("b");
        second.join().close();
        waiting.join().close();
        expectActive();
        try (Permit all = locker.acquireAll(List.of("a", "b", "c"))) {
            assertThat(all).isNotNull();
            expectActive("a", "b", "c");
        }
        expectActive();
    }

    @Test
    @DisplayName("case 22: lookups create nothing")
    void lookupsCreateNothing() {
        locker.isActive("a");
        locker.snapshot("a");
        locker.snapshot();
        locker.activeKeys();
        locker.overview(5);
        locker.whenIdle();
        assertThatThrownBy(() -> locker.asLock("a").unlock()).isInstanceOf(IllegalMonitorStateException.class);
        assertThat(locker.stripes.all()).isEmpty();
    }

    @Test
    @DisplayName("case 22: a snapshot lists holders and waiters, oldest first, with thread, id and age")
    void snapshotShowsHoldersWaitersAndAges() throws Exception {
        locker.acquire("a");
        locker.acquire("a");
        locker.snapshot();
        clock.advance(Duration.ofSeconds(3));
        locker.acquireAsync("a").join();
        locker.snapshot("a");
        clock.advance(Duration.ofSeconds(2));
        Actor waiter = cast.actor("waiter");
        waiter.begins(() -> locker.acquire("a"));
        Cast.untilWaiters(locker, "a", 1);
        clock.advance(Duration.ofSeconds(1));
        locker.acquireAsync("a");
        KeySnapshot<String> seen = locker.snapshot("a").orElseThrow();
        Thread me = Thread.currentThread();
        assertThat(seen)
                .isEqualTo(new KeySnapshot<>(
                        "a",
                        2,
                        List.of(
                                new KeySnapshot.Caller(me.getName(), Threads.idOf(me), false, Duration.ofSeconds(6)),
                                new KeySnapshot.Caller("async", -1, false, Duration.ofSeconds(3))),
                        List.of(
                                new KeySnapshot.Caller(
                                        "waiter", Threads.idOf(waiter.thread()), false, Duration.ofSeconds(1)),
                                new KeySnapshot.Caller("async", -1, false, Duration.ZERO))));
        assertThat(locker.snapshot()).containsExactly(seen);
    }

    @Test
    @DisplayName("case 22: snapshots are immutable")
    void snapshotsAreImmutable() throws Exception {
        locker.acquire("a");
        KeySnapshot<String> one = locker.snapshot("a").orElseThrow();
        assertThatThrownBy(() -> one.holders().clear()).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> one.waiters().clear()).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> locker.snapshot().clear()).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> locker.activeKeys().clear()).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> locker.overview(1).keys().clear()).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    @DisplayName("case 22: a holder is stamped when first seen, so that an uncontended acquisition reads no clock")
    void uncontendedAcquisitionReadsNoClock() throws Exception {
        Permit permit = locker.acquire("a");
        locker.tryAcquire("b").orElseThrow().close();
        locker.acquire("c", Duration.ofSeconds(1)).close();
        locker.acquireAsync("c").join().close();
        assertThat(clock.readings).hasValue(0);
        clock.advance(Duration.ofSeconds(9));
        assertThat(age("a")).isZero();
        clock.advance(Duration.ofSeconds(4));
        assertThat(age("a")).isEqualTo(Duration.ofSeconds(4));
        permit.close();
    }

    private Duration age(String key) {
        return locker.snapshot(key).orElseThrow().holders().get(0).age();
    }

    @Test
    @DisplayName("case 22: an overview has the figures of all keys and the most contended ones first")
    void overviewShowsTheMostContendedKeys() throws Exception {
        List<String> keys = List.of("quiet", "two", "awaited", "crowded");
        for (String key : keys) {
            locker.acquireAsync(key);
        }
        locker.acquireAsync("two");
        for (String key : List.of("awaited", "crowded")) {
            locker.acquireAsync(key);
            locker.acquireAsync(key);
        }
        locker.acquireAsync("crowded");
        locker.overview(10);
        clock.advance(Duration.ofSeconds(5));
        LockerOverview<String> all = locker.overview(10);
        assertThat(all.activeKeys()).isEqualTo(4);
        assertThat(all.holders()).isEqualTo(7);
        assertThat(all.waiters()).isEqualTo(3);
        Duration five = Duration.ofSeconds(5);
        assertThat(all.keys())
                .containsExactly(
                        new LockerOverview.KeyFigures<>("crowded", 2, 2, 2, five, five),
                        new LockerOverview.KeyFigures<>("awaited", 2, 2, 1, five, five),
                        new LockerOverview.KeyFigures<>("two", 2, 2, 0, five, Duration.ZERO),
                        new LockerOverview.KeyFigures<>("quiet", 2, 1, 0, five, Duration.ZERO));
        assertThat(locker.overview(2).keys()).isEqualTo(all.keys().subList(0, 2));
        assertThat(locker.overview(0)).isEqualTo(new LockerOverview<>(4, 7, 3, List.of()));
    }

    @Test
    @DisplayName("case 22: an overview of many keys keeps the figures exact and the hottest few")
    void overviewOfManyKeys() {
        Random random = new Random(1);
        int waiters = 0;
        for (int i = 0; i < 2_000; i++) {
            int more = random.nextInt(5);
            waiters += Math.max(0, more - 1);
            for (int n = 0; n <= more; n++) {
                locker.acquireAsync("k" + i);
            }
        }
        LockerOverview<String> seen = locker.overview(7);
        assertThat(seen.activeKeys()).isEqualTo(2_000);
        assertThat(seen.waiters()).isEqualTo(waiters);
        assertThat(seen.keys()).hasSize(7).allMatch(k -> k.waiters() == 3 && k.holders() == 2);
    }

    @Test
    @DisplayName("case 23: snapshots under churn: no exception, no new entry, no holder counted twice")
    void snapshotsUnderChurn() {
        KeyedLocker<Integer> busy =
                KeyedLocker.create(KeyedLockerSettings.defaults().withLimit(2));
        AtomicBoolean over = new AtomicBoolean();
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Random random = new Random(i);
            all.add(cast.actor("t" + i).begins(() -> {
                while (!over.get()) {
                    Permit outer = busy.acquire(random.nextInt(3));
                    busy.tryAcquire(random.nextInt(3)).ifPresent(Permit::close);
                    outer.close();
                }
                return null;
            }));
        }
        for (int i = 0; i < 3_000; i++) {
            Set<Integer> keys = new HashSet<>();
            for (KeySnapshot<Integer> seen : busy.snapshot()) {
                assertThat(keys.add(seen.key())).isTrue();
                assertThat(seen.holders().size()).isLessThanOrEqualTo(2);
                assertThat(seen.holders().size() + seen.waiters().size()).isBetween(1, 3);
                List<Long> ids = new ArrayList<>();
                seen.holders().forEach(c -> ids.add(c.threadId()));
                seen.waiters().forEach(c -> ids.add(c.threadId()));
                assertThat(ids).doesNotHaveDuplicates();
            }
            assertThat(busy.activeKeys()).isSubsetOf(0, 1, 2);
            assertThat(busy.snapshot(7)).isEmpty();
            assertThat(busy.overview(1).keys().size()).isLessThanOrEqualTo(1);
            assertThat(busy.activeKeyCount()).isBetween(0, 6);
        }
        over.set(true);
        all.forEach(Actor::result);
        assertThat(busy.snapshot()).isEmpty();
        assertThat(busy.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("a key is found by a predicate, which may use the locker and may fail")
    void findsAKey() throws Exception {
        List<Permit> held = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            held.add(locker.acquire("key " + i));
        }
        assertThat(locker.findActiveKey(key -> key.endsWith(" 777"))).contains("key 777");
        Actor looker = cast.actor("looker");
        Set<String> seen = new HashSet<>();
        assertThat(looker.does(() -> locker.findActiveKey(key -> !seen.add(key) || !locker.isActive(key))))
                .isEmpty();
        assertThat(seen).hasSize(1000);
        assertThatThrownBy(() -> locker.findActiveKey(key -> {
                    throw new IllegalStateException("no idea");
                }))
                .hasMessage("no idea");
        held.forEach(Permit::close);
        assertThat(locker.findActiveKey(key -> true)).isEmpty();
    }
}
