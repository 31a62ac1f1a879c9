// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Cases 10 to 12: more than one caller per key. */
class LimitCasesTests {

    @RegisterExtension
    final Cast cast = new Cast();

    private static KeyedLocker<String> locker(int limit, boolean fair) {
        return KeyedLocker.create(
                KeyedLockerSettings.defaults().withLimit(limit).withFair(fair));
    }

    @ParameterizedTest(name = "limit {0}")
    @ValueSource(ints = {1, 2, 3, 20})
    @DisplayName("case 10: n callers are admitted, the next waits")
    void limitIsAdmittedAndTheNextWaits(int limit) {
        KeyedLocker<String> locker = locker(limit, false);
        for (int i = 0; i < limit; i++) {
            assertThat(cast.actor("a" + i).does(() -> locker.tryAcquire("k"))).isPresent();
        }
        Actor next = cast.actor("next");
        assertThat(next.does(() -> locker.tryAcquire("k"))).isEmpty();
        assertThat(locker.acquireAsync("k")).isNotDone();
        next.begins(() -> locker.acquire("k"));
        Cast.untilWaiters(locker, "k", 2);
        assertThat(Cast.holders(locker, "k")).isEqualTo(limit);
    }

    @ParameterizedTest(name = "limit {0}, fair = {1}")
    @CsvSource({"2, false", "2, true", "5, false", "5, true"})
    @DisplayName("case 10: the peak is exactly n")
    void peakIsTheLimit(int limit, boolean fair) {
        KeyedLocker<String> locker = locker(limit, fair);
        Section section = new Section();
        CountDownLatch full = new CountDownLatch(limit);
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < limit * 4; i++) {
            all.add(cast.actor("t" + i).begins(() -> {
                for (int n = 0; n < 20; n++) {
                    locker.call("k", (Callable<Void>) () -> {
                        section.enter();
                        full.countDown();
                        assertThat(full.await(2, TimeUnit.MINUTES)).isTrue();
                        section.leave();
                        return null;
                    });
                }
                return null;
            }));
        }
        all.forEach(Actor::result);
        assertThat(section.peak()).isEqualTo(limit);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {false, true})
    @DisplayName("case 11: one of n holders releases, exactly one waiter is granted, and the key stays active")
    void oneReleaseAdmitsOneWaiter(boolean fair) {
        KeyedLocker<String> locker = locker(3, fair);
        List<Permit> permits = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            permits.add(cast.actor("h" + i).does(() -> locker.acquire("k")));
        }
        List<Future<Permit>> waiters = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            waiters.add(cast.actor("w" + i).begins(() -> locker.acquire("k")));
            Cast.untilWaiters(locker, "k", i + 1);
        }
        for (int i = 0; i < 3; i++) {
            permits.get(i).close();
            Actor.result(waiters.get(i));
            assertThat(Cast.holders(locker, "k")).isEqualTo(3);
            assertThat(Cast.waiters(locker, "k")).isEqualTo(2 - i);
            assertThat(waiters.stream().filter(Future::isDone)).hasSize(i + 1);
        }
        assertThat(locker.activeKeys()).containsExactly("k");
    }

    @Test
    @DisplayName("case 11: the first holder releases while others hold; the key keeps its lock")
    void firstHolderMayLeaveFirst() throws Exception {
        KeyedLocker<String> locker = locker(2, false);
        Permit first = locker.acquire("k");
        Permit second = cast.actor("b").does(() -> locker.acquire("k"));
        first.close();
        assertThat(cast.actor("c").does(() -> locker.tryAcquire("k"))).isPresent();
        assertThat(cast.actor("d").does(() -> locker.tryAcquire("k"))).isEmpty();
        second.close();
        assertThat(locker.isActive("k")).isTrue();
    }

    @Test
    @DisplayName("case 11: permits that are released together are all granted to waiters")
    void multipleReleasesAdmitMultipleWaiters() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        DefaultKeyedLocker<String> locker =
                DefaultKeyedLocker.create(KeyedLockerSettings.defaults().withLimit(2), null, clock);
        Permit a = locker.acquireAsync("k").join();
        Permit b = locker.acquireAsync("k").join();
        Actor second = cast.actor("second");
        List<Future<Permit>> behind = new ArrayList<>();
        // Both are released before the head checks. It was signalled once, so it must signal the next waiter.
        clock.script(Thread.currentThread(), () -> {
            behind.add(second.begins(() -> locker.acquire("k")));
            Cast.untilWaiters(locker, "k", 2);
            a.close();
            b.close();
        });
        Permit mine = locker.acquire("k");
        Permit theirs = Actor.result(behind.get(0));
        assertThat(Cast.holders(locker, "k")).isEqualTo(2);
        mine.close();
        theirs.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest(name = "limit {0}")
    @ValueSource(ints = {1, 2, 3})
    @DisplayName("case 12: after any sequence of closes, at most n permits are available")
    void overReleaseIsImpossible(int limit) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        KeyedLocker<String> locker = locker(limit, random.nextBoolean());
        List<CompletableFuture<Permit>> asked = new ArrayList<>();
        for (int step = 0; step < 5_000; step++) {
            if (asked.isEmpty() || random.nextInt(3) == 0) {
                asked.add(locker.acquireAsync("k"));
            } else {
                CompletableFuture<Permit> one = asked.get(random.nextInt(asked.size()));
                if (one.isDone()) {
                    one.join().close();
                }
            }
            int held = Cast.holders(locker, "k");
            assertThat(held).as("step %d of seed %d", step, seed).isLessThanOrEqualTo(limit);
            if (Cast.waiters(locker, "k") > 0) {
                assertThat(held).as("step %d of seed %d", step, seed).isEqualTo(limit);
            }
        }
        while (locker.isActive("k")) {
            asked.stream()
                    .filter(CompletableFuture::isDone)
                    .forEach(f -> f.join().close());
        }
        for (int i = 0; i < limit; i++) {
            assertThat(locker.acquireAsync("k")).as("seed %d", seed).isDone();
        }
        assertThat(locker.acquireAsync("k")).as("seed %d", seed).isNotDone();
    }
}
