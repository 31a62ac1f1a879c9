// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Cases 19 to 21: unused locks and their memory are freed. */
class EvictionCasesTests {

    @RegisterExtension
    final Cast cast = new Cast();

    private final DefaultKeyedLocker<Object> locker = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null);

    @Test
    @DisplayName("case 19: the last release removes the key's lock, which stays while callers wait")
    void lastReleaseEvicts() throws Exception {
        Permit first = locker.acquire("k");
        CompletableFuture<Permit> second = locker.acquireAsync("k");
        CompletableFuture<Permit> third = locker.acquireAsync("k");
        assertThat(locker.activeKeyCount()).isEqualTo(1);
        first.close();
        assertThat(locker.isActive("k")).isTrue();
        third.cancel(true);
        assertThat(locker.isActive("k")).isTrue();
        second.join().close();
        assertThat(locker.isActive("k")).isFalse();
        assertThat(locker.activeKeyCount()).isZero();
        assertThat(largestTable()).isZero();
        assertThat(entries()).isZero();
    }

    @Test
    @DisplayName("case 19: a waiter that leaves after the holder removes the lock")
    void lastWaiterEvicts() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        DefaultKeyedLocker<String> scripted = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null, clock);
        Permit held = scripted.acquireAsync("k").join();
        clock.script(Thread.currentThread(), held::close);
        Permit mine = scripted.acquire("k");
        assertThat(scripted.activeKeyCount()).isEqualTo(1);
        mine.close();
        assertThat(scripted.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 20: a million distinct keys in sequence leave no key active and no memory in use")
    void millionKeysLeaveNothingBehind() throws Exception {
        locker.acquire(-1).close();
        long before = usedMemory();
        for (int i = 0; i < 1_000_000; i++) {
            locker.acquire(i).close();
        }
        assertThat(locker.activeKeyCount()).isZero();
        assertThat(entries()).isZero();
        assertThat(largestTable()).isZero();
        Cast.until(() -> usedMemory() - before < 2_000_000);
    }

    @Test
    @DisplayName("case 20: the tables shrink after a burst of keys held at once")
    void tablesShrinkAfterABurst() throws Exception {
        long before = usedMemory();
        List<Permit> permits = new ArrayList<>();
        for (int i = 0; i < 200_000; i++) {
            permits.add(locker.acquire(i));
        }
        assertThat(locker.activeKeyCount()).isEqualTo(200_000);
        assertThat(largestTable()).isGreaterThan(256);
        permits.forEach(Permit::close);
        permits = null;
        assertThat(locker.activeKeyCount()).isZero();
        assertThat(largestTable()).isLessThanOrEqualTo(8);
        Cast.until(() -> usedMemory() - before < 2_000_000);
    }

    @Test
    @DisplayName("case 20: a closed permit retains no queue and no later holder")
    void closedPermitIsSmall() throws Exception {
        Permit first = locker.acquire("k");
        CompletableFuture<Permit> second = locker.acquireAsync("k");
        first.close();
        second.join().close();
        ContendedState contended = ((Entry) first).contended();
        assertThat(contended.head).isNull();
        assertThat(contended.latestHold).isNull();
        assertThat(contended.waiterCount).isZero();
        assertThat(contended.holdCount).isZero();
    }

    @Test
    @DisplayName("case 20: a closed permit retains no neighbour that was held at the same time")
    void closedPermitDoesNotReferToNeighbours() throws Exception {
        KeyedLocker<String> wide =
                KeyedLocker.create(KeyedLockerSettings.defaults().withLimit(4));
        Permit first = wide.acquireAsync("k").join();
        Permit older = wide.acquireAsync("k").join();
        Permit middle = wide.acquireAsync("k").join();
        Permit newer = wide.acquireAsync("k").join();
        middle.close();
        assertThat(((ExtraHold) middle).older).isNull();
        assertThat(((ExtraHold) middle).newer).isNull();
        assertThat(((ExtraHold) older).newer).isSameAs(newer);
        assertThat(((ExtraHold) newer).older).isSameAs(older);
        newer.close();
        older.close();
        first.close();
        assertThat(wide.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("case 21: a permit of a removed lock does not affect the key's new lock")
    void stalePermitDoesNotTouchTheNewLock() throws Exception {
        Permit stale = locker.acquire("k");
        Permit staleAgain = locker.acquire("k");
        stale.close();
        staleAgain.close();
        Actor other = cast.actor("other");
        Permit fresh = other.does(() -> locker.acquire("k"));
        stale.close();
        staleAgain.close();
        assertThat(locker.isActive("k")).isTrue();
        assertThat(locker.tryAcquire("k")).isEmpty();
        assertThat(Cast.holders(locker, "k")).isEqualTo(1);
        CompletableFuture<Permit> waiting = locker.acquireAsync("k");
        stale.close();
        staleAgain.close();
        assertThat(waiting).isNotDone();
        fresh.close();
        assertThat(waiting).isDone();
    }

    @Test
    @DisplayName("case 21: acquisitions during the removal of entries never create a second lock for a key")
    void neverTwoLiveLocksForOneKey() {
        Section section = new Section();
        int[] plain = new int[1];
        AtomicInteger done = new AtomicInteger();
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            all.add(cast.actor("t" + i).begins(() -> {
                while (done.get() < 60_000) {
                    Permit permit = locker.tryAcquire("k").orElse(null);
                    if (permit != null) {
                        section.enter();
                        plain[0]++;
                        done.incrementAndGet();
                        section.leave();
                        permit.close();
                    }
                }
                return null;
            }));
        }
        all.forEach(Actor::result);
        assertThat(section.peak()).isEqualTo(1);
        assertThat(plain[0]).isEqualTo(done.get());
        assertThat(locker.activeKeyCount()).isZero();
    }

    private int largestTable() {
        return locker.stripes.all().stream().mapToInt(Stripe::size).max().orElse(0);
    }

    private int entries() {
        int[] count = new int[1];
        locker.stripes.all().forEach(s -> Inspection.forEach(s, e -> count[0]++));
        return count[0];
    }

    private static long usedMemory() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
