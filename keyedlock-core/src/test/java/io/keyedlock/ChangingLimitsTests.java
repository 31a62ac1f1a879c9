// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The limit of a locker that is set at run time, and limits of individual keys. */
class ChangingLimitsTests {

    @RegisterExtension
    final Cast cast = new Cast();

    private final Map<Object, Integer> limits = new ConcurrentHashMap<>();

    private final List<Object> asked = new CopyOnWriteArrayList<>();

    private final KeyedLockerSettings keyed = KeyedLockerSettings.defaults()
            .withName("tenants")
            .withLimit(2)
            .withKeyLimits(key -> {
                asked.add(key);
                return limits.getOrDefault(key, 0);
            });

    private static KeyedLocker<String> locker(int limit, boolean fair) {
        return KeyedLocker.create(
                KeyedLockerSettings.defaults().withLimit(limit).withFair(fair));
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    void raisingAdmitsWaitersAtOnceInOrder(boolean fair) throws Exception {
        KeyedLocker<String> locker = locker(1, fair);
        Permit held = locker.acquireAsync("k").join();
        List<Future<Permit>> waiters = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            if (i % 2 == 0) {
                waiters.add(cast.actor("w" + i).begins(() -> locker.acquire("k")));
            } else {
                waiters.add(locker.acquireAsync("k"));
            }
            Cast.untilWaiters(locker, "k", i + 1);
        }
        locker.setLimit(4);
        // Checked on return, before any thread has run.
        assertThat(Cast.holders(locker, "k")).isEqualTo(4);
        assertThat(Cast.waiters(locker, "k")).isEqualTo(1);
        assertThat(waiters.get(3)).isNotDone();
        List<Permit> granted = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            granted.add(Actor.result(waiters.get(i)));
        }
        held.close();
        granted.add(Actor.result(waiters.get(3)));
        granted.forEach(Permit::close);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    void loweringKeepsHoldersAndAdmitsNobodyUntilFewEnoughRemain(boolean fair) throws Exception {
        KeyedLocker<String> locker = locker(3, fair);
        List<Permit> held = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            held.add(cast.actor("h" + i).does(() -> locker.acquire("k")));
        }
        Future<Permit> thread = cast.actor("w").begins(() -> locker.acquire("k"));
        Cast.untilWaiters(locker, "k", 1);
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        locker.setLimit(1);
        assertThat(locker.limit()).isEqualTo(1);
        assertThat(locker.settings().limit()).isEqualTo(3);
        held.get(0).close();
        held.get(1).close();
        assertThat(locker.tryAcquire("k")).isEmpty();
        assertThat(Cast.holders(locker, "k")).isEqualTo(1);
        assertThat(Cast.waiters(locker, "k")).isEqualTo(2);
        held.get(2).close();
        Permit next = Actor.result(thread);
        assertThat(Cast.holders(locker, "k")).isEqualTo(1);
        assertThat(future).isNotDone();
        next.close();
        future.get(2, TimeUnit.MINUTES).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void holderReentersAboveALoweredLimit() throws Exception {
        KeyedLocker<String> locker = locker(2, false);
        Permit other = locker.acquireAsync("k").join();
        try (Permit mine = locker.acquire("k")) {
            locker.setLimit(1);
            locker.acquire("k").close();
            assertThat(mine.isValid()).isTrue();
        }
        other.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void raisingAdmitsTheNextKeyOfAMultiKeyCall() throws Exception {
        KeyedLocker<String> locker = locker(1, false);
        Permit held = locker.acquireAsync("b").join();
        CompletableFuture<Permit> all = locker.acquireAllAsync(List.of("a", "b"), KeyedLockerSettings.FOREVER);
        Cast.untilWaiters(locker, "b", 1);
        locker.setLimit(2);
        all.get(2, TimeUnit.MINUTES).close();
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void signalledHeadThatFindsTheLimitLoweredIsSignalledAgain() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        DefaultKeyedLocker<String> locker =
                DefaultKeyedLocker.create(KeyedLockerSettings.defaults().withLimit(2), null, clock);
        Permit a = locker.acquireAsync("k").join();
        Permit b = locker.acquireAsync("k").join();
        Actor head = cast.actor("head");
        // Between the signal and the check for the permit.
        clock.script(head.thread(), () -> {
            a.close();
            locker.setLimit(1);
        });
        Future<Permit> waiting = head.begins(() -> locker.acquire("k"));
        Cast.until(() -> Cast.holders(locker, "k") == 1 && locker.limit() == 1);
        b.close();
        Actor.result(waiting).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void raisingTheLimitResolvesADeadlock() throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create(
                KeyedLockerSettings.defaults().withDeadlockDetection(KeyedLockerSettings.DeadlockDetection.OFF));
        Actor one = cast.actor("one");
        Actor two = cast.actor("two");
        one.does(() -> locker.acquire("a"));
        two.does(() -> locker.acquire("b"));
        Future<Permit> first = one.begins(() -> locker.acquire("b"));
        Future<Permit> second = two.begins(() -> locker.acquire("a"));
        Cast.untilWaiters(locker, "a", 1);
        Cast.untilWaiters(locker, "b", 1);
        locker.setLimit(2);
        Actor.result(first);
        Actor.result(second);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1})
    void limitThatAdmitsNobodyIsRejected(int limit) {
        KeyedLocker<String> locker = locker(3, false);
        assertThatThrownBy(() -> locker.setLimit(limit))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("limit must be at least 1, but is " + limit);
        assertThat(locker.limit()).isEqualTo(3);
    }

    @Test
    void limitOfClosedAndDrainedLockersMayBeChanged() {
        KeyedLocker<String> locker = locker(1, false);
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> waiting = locker.acquireAsync("k");
        locker.rejectNewCallers(List.of());
        locker.setLimit(2);
        waiting.join().close();
        locker.close();
        locker.setLimit(3);
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    // ---- limits of keys

    @Test
    void functionIsCalledOnlyWhenTwoCompeteForAKey() throws Exception {
        limits.put("premium", 3);
        KeyedLocker<String> locker = KeyedLocker.create(keyed);
        try (Permit first = locker.acquire("premium")) {
            locker.acquire("premium").close();
            assertThat(asked).isEmpty();
            assertThat(cast.actor("b").does(() -> locker.tryAcquire("premium"))).isPresent();
            assertThat(cast.actor("c").does(() -> locker.tryAcquire("premium"))).isPresent();
            assertThat(cast.actor("d").does(() -> locker.tryAcquire("premium"))).isEmpty();
            assertThat(asked).containsExactly("premium");
            assertThat(first.isValid()).isTrue();
        }
        locker.acquireAll(List.of("a", "b")).close();
        assertThat(asked).hasSize(1);
    }

    @Test
    void uncontendedAcquisitionCallsNoFunctionReadsNoClockAndAllocatesNoMore() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        KeyedLockerSettings quiet = keyed.withDeadlockDetection(KeyedLockerSettings.DeadlockDetection.OFF)
                .withLongHold(Duration.ZERO);
        DefaultKeyedLocker<String> limited = DefaultKeyedLocker.create(quiet, null, clock);
        DefaultKeyedLocker<String> plain = DefaultKeyedLocker.create(
                quiet.withKeyLimits(KeyedLockerSettings.defaults().keyLimits()), null, clock);
        limited.setLimit(4);
        assertThat(allocatedBy(limited)).isCloseTo(allocatedBy(plain), within(500L));
        assertThat(asked).isEmpty();
        assertThat(clock.readings).hasValue(0);
    }

    /** Returns the bytes that a thousand acquisitions allocate. */
    private static long allocatedBy(KeyedLocker<String> locker) throws InterruptedException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        locker.acquire("k").close();
        long before = threads.getThreadAllocatedBytes(Thread.currentThread().getId());
        for (int i = 0; i < 1_000; i++) {
            locker.acquire("k").close();
        }
        return threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
    }

    @Test
    void limitOfAKeyMayBeLowerThanTheLockersAndIsUnaffectedBySetLimit() {
        limits.put("noisy", 1);
        KeyedLocker<String> locker = KeyedLocker.create(keyed);
        Permit held = locker.acquireAsync("noisy").join();
        CompletableFuture<Permit> waiting = locker.acquireAsync("noisy");
        Permit other = locker.acquireAsync("other").join();
        Permit second = locker.acquireAsync("other").join();
        CompletableFuture<Permit> third = locker.acquireAsync("other");
        assertThat(waiting).isNotDone();
        assertThat(third).isNotDone();
        locker.setLimit(5);
        assertThat(waiting).isNotDone();
        assertThat(third).isDone();
        held.close();
        List.of(waiting.join(), other, second, third.join()).forEach(Permit::close);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void snapshotsShowTheLimitOfEachKey() {
        limits.put("premium", 10);
        KeyedLocker<String> locker = KeyedLocker.create(keyed);
        locker.acquireAsync("premium").join();
        locker.acquireAsync("other").join();
        assertThat(locker.snapshot("premium").map(KeySnapshot::limit)).hasValue(10);
        assertThat(locker.snapshot()).extracting(KeySnapshot::limit).containsExactlyInAnyOrder(10, 2);
        assertThat(locker.overview(5).keys())
                .extracting(LockerOverview.KeyFigures::limit)
                .containsExactlyInAnyOrder(10, 2);
        locker.acquireAsync("premium").join();
        asked.clear();
        limits.put("premium", 11);
        assertThat(locker.snapshot("premium").map(KeySnapshot::limit))
                .as("the current limit")
                .hasValue(10);
        assertThat(asked).isEmpty();
    }

    @Test
    void refreshAdmitsWaitersAndKeepsHoldersAboveALoweredLimit() {
        KeyedLocker<String> locker = KeyedLocker.create(keyed);
        List<CompletableFuture<Permit>> all = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            all.add(locker.acquireAsync("k"));
        }
        limits.put("k", 4);
        assertThat(all.get(2)).isNotDone();
        locker.refreshLimits();
        assertThat(all.get(3)).isDone();
        assertThat(all.get(4)).isNotDone();
        limits.put("k", 1);
        locker.refreshLimits();
        for (int i = 0; i < 3; i++) {
            all.get(i).join().close();
            assertThat(all.get(4)).isNotDone();
        }
        all.get(3).join().close();
        assertThat(all.get(4)).isDone();
        limits.remove("k");
        locker.refreshLimits();
        assertThat(all.get(5)).isDone();
        all.get(4).join().close();
        all.get(5).join().close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void resultOlderThanARefreshIsNotUsed() throws Exception {
        CountDownLatch asking = new CountDownLatch(1);
        CountDownLatch mayAnswer = new CountDownLatch(1);
        KeyedLocker<String> locker =
                KeyedLocker.create(KeyedLockerSettings.defaults().withKeyLimits(key -> {
                    if (asking.getCount() == 1) {
                        asking.countDown();
                        HostileLimitsTests.await(mayAnswer);
                        return 5;
                    }
                    return 1;
                }));
        Permit held = locker.acquireAsync("k").join();
        Future<Optional<Permit>> late = cast.actor("late").begins(() -> locker.tryAcquire("k"));
        HostileLimitsTests.await(asking);
        locker.refreshLimits();
        mayAnswer.countDown();
        assertThat(Actor.result(late)).as("a permit under the outdated limit").isEmpty();
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void keyThatBecomesIdleDuringTheCallOfTheFunctionIsAcquiredAtOnce() throws Exception {
        CountDownLatch asking = new CountDownLatch(1);
        CountDownLatch mayAnswer = new CountDownLatch(1);
        KeyedLocker<String> locker =
                KeyedLocker.create(KeyedLockerSettings.defaults().withKeyLimits(key -> {
                    asking.countDown();
                    HostileLimitsTests.await(mayAnswer);
                    return 1;
                }));
        Permit held = locker.acquireAsync("k").join();
        Future<Permit> late = cast.actor("late").begins(() -> locker.acquire("k"));
        HostileLimitsTests.await(asking);
        held.close();
        assertThat(locker.activeKeyCount()).isZero();
        mayAnswer.countDown();
        Actor.result(late).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void exceptionsCarryLimitAndWaiters() throws Exception {
        limits.put("k", 1);
        KeyedLocker<String> locker = KeyedLocker.create(keyed.withMaxWaiters(1));
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> waiting = locker.acquireAsync("k");
        assertThatThrownBy(() -> locker.acquire("k")).isInstanceOfSatisfying(LockRejectedException.class, full -> {
            assertThat(full.lockName()).isEqualTo("tenants");
            assertThat(full.key()).isEqualTo("k");
            assertThat(full.limit()).isEqualTo(1);
            assertThat(full.waiters()).isEqualTo(1);
            assertThat(full.method()).isEmpty();
        });
        assertThatThrownBy(() -> locker.acquire("k", Duration.ZERO))
                .isInstanceOfSatisfying(LockTimeoutException.class, late -> {
                    assertThat(late.limit()).isEqualTo(1);
                    assertThat(late.waiters()).isEqualTo(1);
                    assertThat(late.method()).isEmpty();
                });
        waiting.cancel(false);
        held.close();
    }

    // ---- with a backend

    @Test
    void requestsCarryTheCurrentLimit() {
        ScriptedBackend backend = new ScriptedBackend();
        limits.put("k", 3);
        KeyedLocker<Object> locker = KeyedLocker.createOn(backend, keyed);
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        assertThat(asked).containsExactly("k");
        assertThat(backend.open().limit).isEqualTo(3);
        backend.open().grant();
        first.join().close();
        CompletableFuture<Permit> other = locker.acquireAsync("other");
        assertThat(backend.open().limit).isEqualTo(2);
        ScriptedBackend.Asked outdated = backend.open();
        locker.setLimit(5);
        assertThat(outdated.cancelled).isTrue();
        assertThat(backend.open().limit).isEqualTo(5);
        outdated.grant();
        assertThat(other).as("granted under the old limit").isNotDone();
        backend.open().grant();
        other.join().close();
        assertThat(locker.activeKeyCount()).isZero();
        assertThat(backend.isQuiet()).isTrue();
    }

    @Test
    void waitThatEndsAfterAChangeOfTheLimitHasTimedOutAndTheBackendHasNotFailed() {
        ScriptedBackend backend = new ScriptedBackend();
        ScriptedClock clock = new ScriptedClock();
        KeyedLocker<Object> locker = DefaultKeyedLocker.create(keyed, null, backend, clock);
        clock.script(Thread.currentThread(), () -> {
            backend.open().queue();
            locker.setLimit(3);
            assertThat(backend.open().limit).isEqualTo(3);
            clock.advance(Duration.ofSeconds(1));
        });
        assertThatThrownBy(() -> locker.acquire("k", Duration.ofSeconds(1))).isInstanceOf(LockTimeoutException.class);
        assertThat(locker.activeKeyCount()).isZero();
        assertThat(backend.isQuiet()).isTrue();
    }

    @Test
    void loweringWithABackendCancelsARequestWithoutAFreeLocalPermit() {
        ScriptedBackend backend = new ScriptedBackend();
        KeyedLocker<Object> locker =
                KeyedLocker.createOn(backend, KeyedLockerSettings.defaults().withLimit(2));
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        backend.open().grant();
        CompletableFuture<Permit> second = locker.acquireAsync("k");
        ScriptedBackend.Asked pending = backend.open();
        locker.setLimit(1);
        assertThat(pending.cancelled).isTrue();
        first.join().close();
        if (!second.isDone()) {
            backend.open().grant();
        }
        second.join().close();
        assertThat(locker.activeKeyCount()).isZero();
        assertThat(backend.isQuiet()).isTrue();
    }
}
