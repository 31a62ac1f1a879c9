// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLockerListener.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A locker with a scripted backend. At the end of each test no permit is held or requested. */
class BackendTests {

    private static final Duration SECOND = Duration.ofSeconds(1);

    @RegisterExtension
    final Cast cast = new Cast();

    private final ScriptedClock clock = new ScriptedClock();
    private final ScriptedBackend backend = new ScriptedBackend();
    private final List<String> events = new CopyOnWriteArrayList<>();

    private DefaultKeyedLocker<Object> locker = locker(settings -> settings);

    private DefaultKeyedLocker<Object> locker(Function<KeyedLockerSettings, KeyedLockerSettings> change) {
        locker = DefaultKeyedLocker.create(
                change.apply(KeyedLockerSettings.defaults().withName("orders")), new Ear(), backend, clock);
        return locker;
    }

    private final class Ear implements KeyedLockerListener {
        @Override
        public void acquired(Object key, Duration waited) {
            events.add("acquired " + key);
        }

        @Override
        public void released(Object key, Duration held) {
            events.add("released " + key);
        }

        @Override
        public void notAcquired(Object key, Outcome outcome, Duration waited) {
            events.add(outcome + " " + key);
        }

        @Override
        public void leaseLost(Object key) {
            events.add("lost " + key);
        }
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(Thread.interrupted()).isFalse();
        assertThat(locker.activeKeys()).isEmpty();
        assertThat(locker.overview(0).holders()).isZero();
        assertThat(locker.overview(0).waiters()).isZero();
        assertThat(backend.isQuiet()).isTrue();
    }

    private static Permit now(CompletableFuture<Permit> future) throws Exception {
        return future.get(2, TimeUnit.MINUTES);
    }

    /** Awaits the events, as a future may complete before the grant is reported. */
    private void assertEvents(String... expected) {
        Cast.until(() -> events.size() >= expected.length);
        assertThat(events).containsExactlyInAnyOrder(expected);
    }

    // ---- leases

    @Test
    void callerOfTheBackendIsAWaiterUntilTheGrantAndThenAHolder() throws Exception {
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        assertThat(backend.open().keyName).isEqualTo("k");
        assertThat(backend.open().waits).isTrue();
        KeySnapshot<Object> waiting = locker.snapshot("k").orElseThrow();
        assertThat(waiting.holders()).isEmpty();
        assertThat(waiting.waiters()).hasSize(1);

        backend.open().grant();
        Permit permit = now(future);
        KeySnapshot<Object> held = locker.snapshot("k").orElseThrow();
        assertThat(held.holders()).hasSize(1);
        assertThat(held.waiters()).isEmpty();
        assertThat(permit.fencingToken()).hasValue(1);

        permit.close();
        permit.close();
        assertThat(backend.asked.get(0).releases).hasValue(1);
        assertEvents("acquired k", "released k");
    }

    @Test
    void aThreadIsWokenByTheGrantAndReentersWithoutARequest() throws Exception {
        Actor caller = cast.actor("caller");
        Future<Permit> outer = caller.begins(() -> locker.acquire("k"));
        Cast.until(() -> backend.asked.size() == 1);
        backend.open().grant();
        Permit permit = Actor.result(outer);
        Permit again = caller.does(() -> locker.acquire("k"));
        assertThat(again.fencingToken()).isEqualTo(permit.fencingToken());
        permit.close();
        assertThat(backend.asked).hasSize(1);
        assertThat(backend.asked.get(0).releases).hasValue(0);
        again.close();
        assertThat(backend.asked.get(0).releases).hasValue(1);
    }

    @Test
    void aBackendMayGrantAtOnce() throws Exception {
        backend.generous = true;
        locker.acquire("k").close();
        locker.tryAcquire("k").orElseThrow().close();
        locker.acquireAsync("k").get(2, TimeUnit.MINUTES).close();
        assertThat(locker.asLock("k").tryLock()).isTrue();
        locker.asLock("k").unlock();
        assertThat(backend.asked).hasSize(4);
    }

    @Test
    void theBackendIsAskedOncePerKeyAndNotOncePerWaiter() throws Exception {
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        CompletableFuture<Permit> second = locker.acquireAsync("k");
        CompletableFuture<Permit> third = locker.acquireAsync("k");
        backend.open().grant();
        now(first).close();
        now(second).close();
        assertThat(third.join().fencingToken()).hasValue(1);
        third.join().close();
        assertThat(backend.asked).hasSize(1);
        assertThat(backend.asked.get(0).releases).hasValue(1);
    }

    @Test
    void aLeaseThatMayNotBeHandedOffIsReleasedBeforeTheNextRequest() throws Exception {
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        CompletableFuture<Permit> second = locker.acquireAsync("k");
        backend.open().grant();
        backend.mayHandOff = false;
        now(first).close();
        assertThat(backend.asked.get(0).releases).hasValue(1);
        assertThat(second).isNotDone();
        backend.open().grant();
        assertThat(now(second).fencingToken()).hasValue(2);
        second.join().close();
    }

    @Test
    void eachHolderHasItsOwnLease() throws Exception {
        locker(settings -> settings.withLimit(2));
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        CompletableFuture<Permit> second = locker.acquireAsync("k");
        CompletableFuture<Permit> third = locker.acquireAsync("k");
        backend.open().grant();
        assertThat(now(first).fencingToken()).hasValue(1);
        assertThat(second).isNotDone();
        backend.open().grant();
        assertThat(now(second).fencingToken()).hasValue(2);
        assertThat(backend.asked).hasSize(2);
        first.join().close();
        assertThat(now(third).fencingToken()).hasValue(1);
        third.join().close();
        second.join().close();
    }

    @Test
    void aHandedOffLeaseNeedsNoFurtherRequest() throws Exception {
        locker(settings -> settings.withLimit(2));
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        CompletableFuture<Permit> second = locker.acquireAsync("k");
        backend.asked.get(0).grant();
        ScriptedBackend.Asked underWay = backend.open();
        now(first).close();
        assertThat(now(second).fencingToken()).hasValue(1);
        assertThat(underWay.cancelled).isTrue();
        second.join().close();
    }

    @Test
    void nobodyOvertakesTheHead() throws Exception {
        CompletableFuture<Permit> head = locker.acquireAsync("k");
        assertThat(locker.tryAcquire("k")).isEmpty();
        assertThat(locker.tryAcquire("k", Duration.ZERO)).isEmpty();
        backend.open().grant();
        assertThat(locker.tryAcquire("k")).isEmpty();
        now(head).close();
        assertEvents("REJECTED k", "TIMEOUT k", "acquired k", "REJECTED k", "released k");
    }

    // ---- tries

    @Test
    void aTryIsOneRemoteTry() throws Exception {
        Actor caller = cast.actor("caller");
        Future<Optional<Permit>> rejected = caller.begins(() -> locker.tryAcquire("k"));
        Cast.until(() -> backend.asked.size() == 1);
        assertThat(backend.open().waits).isFalse();
        backend.open().reject();
        assertThat(Actor.result(rejected)).isEmpty();

        Future<Optional<Permit>> granted = caller.begins(() -> locker.tryAcquire("k"));
        Cast.until(() -> backend.asked.size() == 2);
        backend.open().grant();
        Actor.result(granted).orElseThrow().close();
        assertThat(events).containsExactly("REJECTED k", "acquired k", "released k");
    }

    @Test
    void aRejectedTryLeavesLaterWaitersInTheQueue() throws Exception {
        CompletableFuture<Permit> tried = locker.acquireAsync("k", Duration.ZERO);
        CompletableFuture<Permit> waits = locker.acquireAsync("k");
        assertThat(backend.open().waits).isFalse();
        backend.open().reject();
        assertThat(Actor.failure(tried)).isInstanceOf(LockTimeoutException.class);
        assertThat(waits).isNotDone();
        assertThat(backend.open().waits).isTrue();
        backend.open().grant();
        now(waits).close();
    }

    @Test
    void aWaiterReusesTheRequestOfACancelledTry() throws Exception {
        CompletableFuture<Permit> tried = locker.acquireAsync("k", Duration.ZERO);
        CompletableFuture<Permit> waits = locker.acquireAsync("k");
        assertThat(tried.cancel(true)).isTrue();
        backend.open().reject();
        assertThat(waits).isNotDone();
        backend.open().grant();
        now(waits).close();
    }

    @Test
    void withoutAQueueNobodyWaitsForOtherProcesses() {
        locker(settings -> settings.withMaxWaiters(0));
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        assertThat(backend.open().waits).isFalse();
        assertThat(Actor.failure(locker.acquireAsync("k"))).isInstanceOf(LockRejectedException.class);
        backend.open().reject();
        assertThat(Actor.failure(future)).isInstanceOf(LockRejectedException.class);
    }

    @Test
    void aSingleWaiterForTheBackendDoesNotFillTheQueue() throws Exception {
        locker(settings -> settings.withMaxWaiters(1));
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        CompletableFuture<Permit> second = locker.acquireAsync("k");
        assertThat(Actor.failure(locker.acquireAsync("k"))).isInstanceOf(LockRejectedException.class);
        backend.open().grant();
        now(first).close();
        now(second).close();
    }

    // ---- grant against cancellation

    @Test
    void aWaiterThatLeavesCancelsItsRequest() {
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        ScriptedBackend.Asked request = backend.open();
        assertThat(future.cancel(true)).isTrue();
        assertThat(request.cancelled).isTrue();
        assertThat(locker.isActive("k")).isFalse();
        request.grant();
        assertThat(request.releases).hasValue(1);
        assertThat(events).containsExactly("CANCELLED k");
    }

    @Test
    void aGrantAfterItsWaiterHasLeftIsHandedToTheNext() throws Exception {
        CompletableFuture<Permit> gone = locker.acquireAsync("k");
        CompletableFuture<Permit> next = locker.acquireAsync("k");
        assertThat(gone.cancel(true)).isTrue();
        assertThat(backend.open().cancelled).isFalse();
        backend.open().grant();
        now(next).close();
    }

    @Test
    void aGrantOfACancelledRequestDoesNotServeANewRequest() throws Exception {
        CompletableFuture<Permit> gone = locker.acquireAsync("k");
        ScriptedBackend.Asked forgotten = backend.open();
        gone.cancel(true);
        CompletableFuture<Permit> next = locker.acquireAsync("k");
        forgotten.grant();
        assertThat(next).isNotDone();
        assertThat(forgotten.releases).hasValue(1);
        backend.open().grant();
        now(next).close();
    }

    @Test
    void aFailureOrRejectionOfACancelledRequestFailsNobody() throws Exception {
        CompletableFuture<Permit> gone = locker.acquireAsync("k");
        ScriptedBackend.Asked forgotten = backend.open();
        gone.cancel(true);
        CompletableFuture<Permit> next = locker.acquireAsync("k");
        forgotten.fail(new IllegalStateException("down"));
        forgotten.reject();
        assertThat(next).isNotDone();
        backend.open().grant();
        now(next).close();
    }

    @Test
    void aThreadIsInterruptedWhileItAwaitsTheBackend() {
        clock.script(Thread.currentThread(), () -> Thread.currentThread().interrupt());
        assertThatThrownBy(() -> locker.acquire("k")).isInstanceOf(InterruptedException.class);
        assertThat(backend.asked.get(0).cancelled).isTrue();
    }

    @Test
    void aGrantBeforeTheInterruptIsKept() throws Exception {
        clock.script(Thread.currentThread(), () -> {
            backend.open().grant();
            Thread.currentThread().interrupt();
        });
        Permit permit = locker.acquire("k");
        assertThat(Thread.interrupted()).isTrue();
        permit.close();
    }

    @Test
    void aTimeOutBeforeTheGrantReleasesTheLease() throws Exception {
        clock.script(Thread.currentThread(), () -> {
            backend.open().queue();
            clock.advance(SECOND);
        });
        assertThat(locker.tryAcquire("k", SECOND)).isEmpty();
        backend.asked.get(0).grant();
        assertThat(backend.asked.get(0).releases).hasValue(1);
        assertThat(events).containsExactly("TIMEOUT k");
    }

    @Test
    void aGrantBeforeTheTimeOutIsKept() throws Exception {
        clock.script(Thread.currentThread(), () -> {
            backend.open().grant();
            clock.advance(SECOND);
        });
        locker.tryAcquire("k", SECOND).orElseThrow().close();
    }

    // ---- failure

    @Test
    void aFailureFailsAllWaitersOfTheKeyAndNoOther() throws Exception {
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        CompletableFuture<Permit> second = locker.acquireAsync("k");
        backend.open().fail(new IllegalStateException("the server is on fire"));
        CompletableFuture<Permit> other = locker.acquireAsync("other");
        for (CompletableFuture<Permit> failed : List.of(first, second)) {
            assertThat(Actor.failure(failed))
                    .isInstanceOf(LockBackendException.class)
                    .hasMessageContaining("script")
                    .hasMessageContaining("the server is on fire")
                    .hasMessageContaining("orders")
                    .hasCauseInstanceOf(IllegalStateException.class);
        }
        assertThat(locker.isActive("k")).isFalse();
        backend.open().grant();
        now(other).close();
        assertEvents("BACKEND k", "BACKEND k", "acquired other", "released other");
    }

    @Test
    void theQueueRecoversAfterAFailure() throws Exception {
        backend.broken = new IllegalStateException("down");
        assertThatThrownBy(() -> locker.acquire("k")).isInstanceOf(LockBackendException.class);
        assertThatThrownBy(() -> locker.tryAcquire("k")).isInstanceOf(LockBackendException.class);
        assertThatThrownBy(() -> locker.acquireAll(List.of("a", "b"))).isInstanceOf(LockBackendException.class);
        backend.broken = null;
        backend.generous = true;
        locker.acquire("k").close();
    }

    @Test
    void aHolderKeepsItsPermitWhenTheBackendFailsAndHandsItOff() throws Exception {
        CompletableFuture<Permit> holder = locker.acquireAsync("k");
        backend.open().grant();
        CompletableFuture<Permit> waits = locker.acquireAsync("k");
        backend.broken = new IllegalStateException("down");
        backend.mayHandOff = false;
        assertThat(waits).isNotDone();
        now(holder).close();
        assertThat(Actor.failure(waits)).isInstanceOf(LockBackendException.class);
        backend.broken = null;
    }

    @Test
    void aGrantBeforeAFailureIsKept() throws Exception {
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        ScriptedBackend.Asked request = backend.open();
        request.grant();
        request.fail(new IllegalStateException("too late"));
        now(first).close();
    }

    @Test
    void noAnswerWithinTheWaitTimeIsABackendFailure() {
        clock.script(Thread.currentThread(), () -> clock.advance(SECOND));
        assertThatThrownBy(() -> locker.acquire("k", SECOND))
                .isInstanceOf(LockBackendException.class)
                .hasMessageContaining("no answer");
        assertThat(events).containsExactly("BACKEND k");
    }

    @Test
    void aFutureFailsWhenTheBackendDoesNotAnswer() throws Exception {
        DefaultKeyedLocker<Object> real =
                DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null, backend, Clock.SYSTEM);
        assertThat(Actor.failure(real.acquireAsync("k", Duration.ofMillis(10))))
                .isInstanceOf(LockBackendException.class);
        backend.busy = true;
        CompletableFuture<Permit> queued = real.acquireAsync("k", Duration.ofMillis(10));
        assertThat(Actor.failure(queued)).isInstanceOf(LockTimeoutException.class);
        assertThat(real.activeKeys()).isEmpty();
    }

    // ---- loss

    @Test
    void aLostLeaseIsReportedAndItsHolderClosesQuietly() throws Exception {
        CompletableFuture<Permit> holder = locker.acquireAsync("k");
        backend.open().grant();
        CompletableFuture<Permit> next = locker.acquireAsync("k");
        Permit permit = now(holder);
        backend.asked.get(0).lose();
        Cast.until(() -> events.contains("lost k"));
        assertThat(next).isNotDone();
        permit.close();
        assertThat(next).isNotDone();
        assertThat(backend.asked.get(0).releases).hasValue(1);
        backend.open().grant();
        assertThat(now(next).fencingToken()).hasValue(2);
        next.join().close();
    }

    @Test
    void aLeaseThatIsLostDuringItsGrantServesNobody() throws Exception {
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        ScriptedBackend.Asked request = backend.open();
        request.lose();
        request.grant();
        assertThat(future).isNotDone();
        assertThat(request.releases).hasValue(1);
        backend.open().grant();
        now(future).close();
    }

    @Test
    void aLossAfterTheReleaseIsReportedAndChangesNothing() throws Exception {
        CompletableFuture<Permit> holder = locker.acquireAsync("k");
        backend.open().grant();
        now(holder).close();
        backend.asked.get(0).lose();
        Cast.until(() -> events.contains("lost k"));
        assertThat(locker.isActive("k")).isFalse();
    }

    // ---- close

    @Test
    void closingFailsWaitersCancelsTheirRequestsAndKeepsHolders() throws Exception {
        CompletableFuture<Permit> holder = locker.acquireAsync("held");
        backend.open().grant();
        CompletableFuture<Permit> waits = locker.acquireAsync("k");
        ScriptedBackend.Asked request = backend.open();
        locker.close();
        assertThat(Actor.failure(waits)).isInstanceOf(KeyedLockerClosedException.class);
        assertThat(request.cancelled).isTrue();
        assertThat(backend.closed).isTrue();
        request.grant();
        assertThat(request.releases).hasValue(1);
        assertThatThrownBy(() -> locker.acquire("k")).isInstanceOf(KeyedLockerClosedException.class);
        now(holder).close();
    }

    @Test
    void idleWaitsForTheReleaseOfTheLastPermit() throws Exception {
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        CompletableFuture<Void> idle = locker.whenIdle();
        assertThat(idle).isNotDone();
        backend.open().grant();
        now(future).close();
        idle.get(2, TimeUnit.MINUTES);
    }

    @Test
    void aFailureThatEndsTheLastWaitMakesTheLockerIdle() throws Exception {
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        CompletableFuture<Void> idle = locker.whenIdle();
        backend.open().fail(new IllegalStateException("down"));
        idle.get(2, TimeUnit.MINUTES);
        assertThat(Actor.failure(future)).isInstanceOf(LockBackendException.class);
    }

    @Test
    void drainingAdmitsHolders() throws Exception {
        backend.generous = true;
        try (Permit held = locker.acquire("a")) {
            locker.rejectNewCallers(List.of(locker));
            locker.acquire("b").close();
            locker.acquireAsync("c").get(2, TimeUnit.MINUTES).close();
            assertThatThrownBy(() -> cast.actor("other").does(() -> locker.acquire("b")))
                    .isInstanceOf(KeyedLockerClosedException.class);
            assertThat(held.fencingToken()).isPresent();
        }
    }

    // ---- multiple keys, keys without a name, views

    @Test
    void multipleKeysAreAcquiredInTheOrderOfTheirNames() throws Exception {
        backend.generous = true;
        try (Permit permit = locker.acquireAll(List.of("ab", "ba", "za", "aa", "ab"))) {
            assertThat(permit.fencingToken()).isEmpty();
        }
        assertThat(backend.asked).extracting(request -> request.keyName).containsExactly("aa", "ab", "az", "ba");
        locker.acquireAllAsync(List.of("ba", "ab"), SECOND)
                .get(2, TimeUnit.MINUTES)
                .close();
        locker.tryAcquireAll(List.of("ba", "ab")).orElseThrow().close();
        assertThat(backend.asked.subList(4, 8))
                .extracting(request -> request.keyName)
                .containsExactly("ab", "ba", "ab", "ba");
    }

    @Test
    void aKeyWithoutANameIsRejectedBeforeAnythingIsCounted() {
        Object key = new Object();
        assertThatThrownBy(() -> locker.acquire(key)).hasMessageContaining("use a String");
        assertThatThrownBy(() -> locker.acquireAsync(key)).hasMessageContaining("use a String");
        assertThatThrownBy(() -> locker.acquireAll(List.of("a", key))).hasMessageContaining("use a String");
        assertThat(backend.asked).isEmpty();
    }

    @Test
    void tasksOwnTheirPermitWhileTheyRun() throws Exception {
        backend.generous = true;
        List<Integer> order = new CopyOnWriteArrayList<>();
        ExecutorService executor = Executors.newFixedThreadPool(2);
        try {
            List<CompletableFuture<Void>> results = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                int number = i;
                results.add(locker.supplyAsync(
                        "k",
                        () -> {
                            assertThat(locker.tryAcquire("k").map(p -> {
                                        p.close();
                                        return true;
                                    }))
                                    .contains(true);
                            order.add(number);
                            return null;
                        },
                        executor));
            }
            for (CompletableFuture<Void> result : results) {
                result.get(2, TimeUnit.MINUTES);
            }
        } finally {
            executor.shutdown();
        }
        assertThat(order).isSorted().hasSize(20);
    }

    @Test
    void aWaiterForTheBackendIsNotPartOfADeadlock() throws Exception {
        backend.generous = true;
        Actor one = cast.actor("one");
        Permit held = one.does(() -> locker.acquire("a"));
        backend.generous = false;
        Future<Permit> waits = one.begins(() -> locker.acquire("b"));
        Cast.untilWaiters(locker, "b", 1);
        Cast.until(() -> backend.asked.size() == 2);
        Actor two = cast.actor("two");
        Future<Permit> behind = two.begins(() -> locker.acquire("a"));
        Cast.untilWaiters(locker, "a", 1);
        Scanner.LOCKERS.add(locker.scan);
        try {
            clock.advance(Duration.ofSeconds(10));
            assertThat(new DeadlockSearch(clock.nanoTime()).run()).isZero();
        } finally {
            Scanner.LOCKERS.remove(locker.scan);
        }
        backend.open().grant();
        Actor.result(waits).close();
        held.close();
        Actor.result(behind).close();
    }

    // ---- concurrency

    /** Checks for two holders at once, a lease that is never released and a waiter that is never granted. */
    @Test
    void concurrentEventsOfAllKindsLoseNoPermit() throws Exception {
        DefaultKeyedLocker<Object> real = DefaultKeyedLocker.create(
                KeyedLockerSettings.defaults().withLimit(2).withWaitTime(Duration.ofMinutes(2)),
                null,
                backend,
                Clock.SYSTEM);
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger served = new AtomicInteger();
        ExecutorService server = Executors.newFixedThreadPool(2);
        List<Future<?>> players = new ArrayList<>();
        ExecutorService callers = Executors.newCachedThreadPool();
        try {
            for (int i = 0; i < 2; i++) {
                server.execute(() -> serve(server));
            }
            for (int i = 0; i < 8; i++) {
                players.add(callers.submit(() -> {
                    ThreadLocalRandom random = ThreadLocalRandom.current();
                    for (int n = 0; n < 1_000; n++) {
                        backend.mayHandOff = random.nextInt(4) > 0;
                        String key = "k" + random.nextInt(2);
                        Permit permit = null;
                        try {
                            switch (random.nextInt(5)) {
                                case 0 -> permit = real.acquire(key);
                                case 1 -> permit = real.tryAcquire(key).orElse(null);
                                case 2 ->
                                    permit = real.tryAcquire(key, Duration.ofNanos(random.nextInt(200_000)))
                                            .orElse(null);
                                case 3 -> permit = real.acquireAsync(key).get(2, TimeUnit.MINUTES);
                                default -> {
                                    CompletableFuture<Permit> future = real.acquireAsync(key);
                                    if (!future.cancel(true)) {
                                        permit = future.isCompletedExceptionally() ? null : future.join();
                                    }
                                }
                            }
                        } catch (LockBackendException | java.util.concurrent.ExecutionException e) {
                            continue;
                        }
                        if (permit != null) {
                            if (key.equals("k0")) {
                                most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                                Thread.onSpinWait();
                                inside.decrementAndGet();
                            }
                            served.incrementAndGet();
                            permit.close();
                        }
                    }
                    return null;
                }));
            }
            for (Future<?> player : players) {
                player.get(4, TimeUnit.MINUTES);
            }
            Cast.until(backend::isQuiet);
        } finally {
            callers.shutdownNow();
            server.shutdownNow();
        }
        assertThat(server.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
        assertThat(most).hasValueLessThanOrEqualTo(2);
        assertThat(served).hasValueGreaterThan(1_000);
        assertThat(real.activeKeys()).isEmpty();
    }

    @SuppressWarnings("ThreadPriorityCheck") // the spinning server must not starve its callers
    private void serve(ExecutorService server) {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        while (!server.isShutdown()) {
            for (ScriptedBackend.Asked request : backend.asked) {
                synchronized (request) {
                    if (!request.answered) {
                        switch (random.nextInt(8)) {
                            case 0 -> request.queue();
                            case 1 -> request.fail(new IllegalStateException("down"));
                            case 2 -> {
                                request.grant();
                                request.lose();
                            }
                            case 3 -> {
                                if (request.waits) {
                                    request.queue();
                                } else {
                                    request.reject();
                                }
                            }
                            default -> request.grant();
                        }
                    }
                }
            }
            backend.asked.removeIf(request -> request.answered && request.leases.get() == request.releases.get());
            Thread.yield();
        }
    }
}
