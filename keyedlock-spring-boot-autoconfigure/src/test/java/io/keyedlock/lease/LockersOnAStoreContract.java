// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.integration.IntegrationLockRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/**
 * The contract of lockers of two processes on any store. A test class of a store extends this and creates stores that
 * share their data.
 */
@ExtendWith(OutputCaptureExtension.class)
public abstract class LockersOnAStoreContract {

    private static final Duration LONG = Duration.ofMinutes(1);

    /** Settings whose timeouts tolerate a busy machine. */
    private static final LeaseSettings PATIENT = LeaseSettings.defaults().withBackendTimeout(LONG);

    /** Settings that renew leases after four seconds, for tests that wait for it. */
    private static final LeaseSettings BEATING = PATIENT.withLeaseTime(Duration.ofSeconds(12));

    /** Settings that send heartbeats every quarter of an hour. */
    private static final LeaseSettings SLOW =
            PATIENT.withLeaseTime(Duration.ofHours(1)).withBackendTimeout(Duration.ofMinutes(30));

    private final List<KeyedLocker<Object>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();
    private final List<String> events = new CopyOnWriteArrayList<>();

    /** The name of the lockers. */
    protected final String lock = "lockers-" + UUID.randomUUID();

    private KeyedLocker<Object> here;
    private KeyedLocker<Object> there;

    /** Creates a store of one process. */
    protected abstract LeaseStore create();

    /** Returns how many claims of a key wait in the store. */
    protected abstract long waiters(String keyName);

    /** Returns whether a lease of a key is in the store. */
    protected abstract boolean isHeld(String keyName);

    /** Returns when the one lease of a key ends, in any unit. */
    protected abstract long endOfLease(String keyName);

    /** Removes the leases of a key from the store, as a server does that has lost its data. */
    protected abstract void loseLease(String keyName);

    /** Returns whether no lease and no queue is left. */
    protected abstract boolean isEmpty();

    /** Checks what a store keeps when nothing is held or awaited. */
    protected void checkWhatRemains() {}

    @BeforeEach
    void twoProcesses() {
        here = locker(1, PATIENT);
        there = locker(1, PATIENT);
    }

    @AfterEach
    void nothingStays() {
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
        until(this::isEmpty);
        checkWhatRemains();
    }

    private LeaseBackend backend(KeyedLockerSettings settings, LeaseSettings lease) {
        return backend(create(), settings, lease);
    }

    private LeaseBackend backend(LeaseStore store, KeyedLockerSettings settings, LeaseSettings lease) {
        Leases ofProcess = Leases.create(store, "test");
        leases.add(ofProcess);
        return ofProcess.backend(settings, lease);
    }

    private KeyedLocker<Object> locker(int limit, LeaseSettings lease) {
        KeyedLockerSettings settings =
                KeyedLockerSettings.defaults().withName(lock).withLimit(limit);
        return locker(backend(settings, lease), settings);
    }

    /** Creates a locker of another process on its store. */
    protected final KeyedLocker<Object> locker(LeaseStore store) {
        KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName(lock);
        return locker(backend(store, settings, PATIENT), settings);
    }

    private KeyedLocker<Object> locker(LeaseBackend backend, KeyedLockerSettings settings) {
        KeyedLocker<Object> locker = KeyedLocker.createOn(backend, settings);
        locker.addListener(new KeyedLockerListener() {
            @Override
            public void leaseLost(Object key) {
                events.add("lost " + key);
            }
        });
        lockers.add(locker);
        return locker;
    }

    /** Waits until a condition is true. */
    protected static void until(BooleanSupplier condition) {
        Awaitility.await()
                .pollDelay(0, TimeUnit.MILLISECONDS)
                .pollInterval(5, TimeUnit.MILLISECONDS)
                .atMost(LONG)
                .until(condition::getAsBoolean);
    }

    /** Only the head of each process requests from the store, so the holder's process has no request. */
    private void otherProcessIsQueued() {
        until(() -> waiters("s:k") == 1);
    }

    private boolean isFreeThere() {
        return there.tryAcquire("k")
                .map(permit -> {
                    permit.close();
                    return true;
                })
                .orElse(false);
    }

    private void awaitFreeThere() {
        until(this::isFreeThere);
    }

    private static <T> T get(CompletableFuture<T> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    /** Returns the fencing token of a permit. */
    protected static long token(Permit permit) {
        return permit.fencingToken().orElseThrow();
    }

    @Test
    void aThreadReentersOnOneLease() throws Exception {
        try (Permit outer = here.acquire("k", LONG)) {
            try (Permit inner = here.acquire("k", LONG)) {
                assertThat(inner.fencingToken()).isEqualTo(outer.fencingToken());
            }
            assertThat(isFreeThere()).isFalse();
        }
        awaitFreeThere();
    }

    @Test
    void aLockViewExcludesTheOtherProcess() throws Exception {
        Lock view = here.asLock("k");
        view.lock();
        try {
            assertThat(there.asLock("k").tryLock()).isFalse();
        } finally {
            view.unlock();
        }
        assertThat(there.asLock("k").tryLock(1, TimeUnit.MINUTES)).isTrue();
        there.asLock("k").unlock();
    }

    @Test
    void aTaskHoldsItsKeyUntilItHasEnded() throws Exception {
        CompletableFuture<Void> runs = new CompletableFuture<>();
        CompletableFuture<String> ends = new CompletableFuture<>();
        CompletableFuture<String> result = here.supplyAsync(
                "k",
                () -> {
                    runs.complete(null);
                    return ends.join();
                },
                task -> new Thread(task).start());
        get(runs);
        assertThat(isFreeThere()).isFalse();
        ends.complete("done");
        assertThat(get(result)).isEqualTo("done");
        awaitFreeThere();
    }

    @Test
    void multipleKeysInOppositeOrdersDoNotDeadlock() throws Exception {
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            all.add(here.acquireAllAsync(List.of("a", "b"), LONG).thenAccept(Permit::close));
            all.add(there.acquireAllAsync(List.of("b", "a"), LONG).thenAccept(Permit::close));
        }
        for (CompletableFuture<Void> each : all) {
            get(each);
        }
    }

    @Test
    void eachProcessAdmitsUpToItsOwnLimit() throws Exception {
        KeyedLocker<Object> wide = locker(3, PATIENT);
        List<Permit> held =
                List.of(wide.acquire("k", LONG), wide.acquireAsync("k", LONG).get());
        assertThat(isFreeThere()).isFalse();
        Permit third = get(wide.acquireAsync("k", LONG));
        assertThat(wide.tryAcquire("other")).hasValueSatisfying(Permit::close);
        third.close();
        held.forEach(Permit::close);
        awaitFreeThere();
    }

    @Test
    void aProcessIsIdleWhenItsOwnCallersHaveReleased() throws Exception {
        Permit held = there.acquire("k", LONG);
        here.awaitIdle();
        CompletableFuture<Permit> waits = here.acquireAsync("k", LONG);
        assertThat(here.awaitIdle(Duration.ZERO)).isFalse();
        held.close();
        get(waits).close();
        assertThat(here.awaitIdle(LONG)).isTrue();
    }

    @Test
    void theRegistryOfSpringIntegrationExcludesTheOtherProcess() throws Exception {
        Lock mine = new IntegrationLockRegistry(here).obtain("k");
        mine.lockInterruptibly();
        try {
            assertThat(new IntegrationLockRegistry(there).obtain("k").tryLock()).isFalse();
        } finally {
            mine.unlock();
        }
        awaitFreeThere();
    }

    @Test
    void aKeyIsHeldByOneProcessAndOthersAreNotifiedOfTheRelease() throws Exception {
        Permit first = here.acquire("k");
        CompletableFuture<Permit> waits = there.acquireAsync("k");
        otherProcessIsQueued();
        assertThat(there.tryAcquire("k")).isEmpty();
        assertThat(there.tryAcquire("k", Duration.ofMillis(50))).isEmpty();
        there.acquire("other").close();
        assertThat(waits).isNotDone();
        assertThat(there.snapshot("k").orElseThrow().holders()).isEmpty();
        first.close();
        Permit second = get(waits);
        assertThat(token(second)).isGreaterThan(token(first));
        assertThat(here.tryAcquire("k")).isEmpty();
        second.close();
        here.acquire("k").close();
    }

    @Test
    void waiterIsNotifiedWithoutAHeartbeat() throws Exception {
        // Only the notification can end the wait.
        KeyedLocker<Object> one = locker(1, SLOW);
        KeyedLocker<Object> two = locker(1, SLOW);
        Permit first = one.acquire("k");
        for (int i = 0; i < 3; i++) {
            CompletableFuture<Permit> waits = two.acquireAsync("k");
            otherProcessIsQueued();
            first.close();
            first = get(waits);
            KeyedLocker<Object> other = one;
            one = two;
            two = other;
        }
        first.close();
    }

    @Test
    void aLimitAppliesAcrossAllProcesses() throws Exception {
        KeyedLocker<Object> one = locker(3, PATIENT);
        KeyedLocker<Object> two = locker(3, PATIENT);
        Permit a = get(one.acquireAsync("k"));
        Permit b = get(two.acquireAsync("k"));
        Permit c = get(one.acquireAsync("k"));
        CompletableFuture<Permit> fourth = two.acquireAsync("k");
        assertThat(two.tryAcquire("k")).isEmpty();
        assertThat(one.tryAcquire("k")).isEmpty();
        assertThat(List.of(token(a), token(b), token(c))).isSorted().doesNotHaveDuplicates();
        b.close();
        get(fourth).close();
        a.close();
        c.close();
    }

    @Test
    void aLimitIsChangedWhileOthersUseTheOldOne(CapturedOutput output) throws Exception {
        LeaseBackend backend =
                backend(KeyedLockerSettings.defaults().withName(lock).withLimit(3), PATIENT);
        backend.connect();
        KeyedLocker<Object> three =
                locker(backend, KeyedLockerSettings.defaults().withName(lock).withLimit(3));
        Permit held = get(here.acquireAsync("k"));
        Permit second = get(three.acquireAsync("k"));
        Permit third = get(three.acquireAsync("k"));
        assertThat(three.tryAcquire("k")).isEmpty();
        assertThat(here.tryAcquire("k")).isEmpty();
        assertThat(backend.otherLimit()).hasValue(1);
        until(() ->
                output.toString().contains("Locker '" + lock + "' has the limit 3 in this process and 1 in another"));
        List.of(held, second, third).forEach(Permit::close);
        here.acquire("k").close();
    }

    @Test
    void aLeaseIsHandedOffWithinItsWindowAndNotBeyond() throws Exception {
        KeyedLocker<Object> generous = locker(1, PATIENT.withHandoffWindow(Duration.ofHours(1)));
        List<CompletableFuture<Permit>> all = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            all.add(generous.acquireAsync("k"));
        }
        long token = token(get(all.get(0)));
        for (CompletableFuture<Permit> permit : all) {
            assertThat(token(get(permit))).isEqualTo(token);
            permit.join().close();
        }
        KeyedLocker<Object> strict = locker(1, PATIENT.withHandoffWindow(Duration.ZERO));
        all.clear();
        for (int i = 0; i < 5; i++) {
            all.add(strict.acquireAsync("k"));
        }
        for (CompletableFuture<Permit> permit : all) {
            assertThat(token(get(permit))).isGreaterThan(token);
            token = token(permit.join());
            permit.join().close();
        }
    }

    @Test
    void processesAlternateIfBothHaveWaiters() throws Exception {
        LeaseSettings strict = PATIENT.withHandoffWindow(Duration.ZERO);
        KeyedLocker<Object> one = locker(1, strict);
        KeyedLocker<Object> two = locker(1, strict);
        Permit first = one.acquire("k");
        List<CompletableFuture<Permit>> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            for (KeyedLocker<Object> locker : List.of(two, one)) {
                all.add(locker.acquireAsync("k"));
            }
        }
        otherProcessIsQueued();
        first.close();
        while (!all.isEmpty()) {
            Permit permit = get(all.remove(0));
            if (!all.isEmpty()) {
                otherProcessIsQueued();
            }
            assertThat(all).noneMatch(CompletableFuture::isDone);
            permit.close();
        }
    }

    @Test
    void aWaiterThatLeavesIsRemovedFromTheQueueOfTheStore() throws Exception {
        Permit first = here.acquire("k");
        CompletableFuture<Permit> gone = there.acquireAsync("k");
        otherProcessIsQueued();
        assertThat(gone.cancel(true)).isTrue();
        until(() -> waiters("s:k") == 0);
        first.close();
        here.acquire("k").close();
    }

    @Test
    void leasesAreRenewedWhileTheyAreHeld() throws Exception {
        KeyedLocker<Object> one = locker(1, BEATING);
        KeyedLocker<Object> two = locker(1, BEATING);
        List<Permit> held = new ArrayList<>();
        List<Long> ends = new ArrayList<>();
        for (int i = 0; i < 250; i++) {
            held.add(one.acquire(i));
        }
        for (int i = 0; i < 250; i++) {
            ends.add(endOfLease("int:" + i));
        }
        until(() -> IntStream.range(0, 250).allMatch(i -> endOfLease("int:" + i) > ends.get(i)));
        assertThat(two.tryAcquire(0)).isEmpty();
        assertThat(two.tryAcquire(249)).isEmpty();
        assertThat(events).isEmpty();
        held.forEach(Permit::close);
        two.acquire(0, Duration.ofSeconds(60)).close();
    }

    @Test
    void aLostLeaseIsReportedAndItsReleaseIsQuiet() throws Exception {
        KeyedLocker<Object> one = locker(1, BEATING);
        Permit held = one.acquire("k");
        long token = token(held);
        loseLease("s:k");
        until(() -> events.contains("lost k"));
        Permit other = there.acquire("k", Duration.ofSeconds(60));
        assertThat(token(other)).isGreaterThan(token);
        held.close();
        assertThat(one.isActive("k")).isFalse();
        assertThat(one.tryAcquire("k")).isEmpty();
        other.close();
        one.acquire("k", Duration.ofSeconds(60)).close();
        assertThat(events).containsExactly("lost k");
    }

    @Test
    void aLossThatOnlyTheReleaseFindsIsReportedToo() throws Exception {
        KeyedLocker<Object> one = locker(1, SLOW);
        // Repeated, as a release whose response is slow may have been sent twice and then reports no loss.
        until(() -> {
            Permit held = one.acquireAsync("k").join();
            loseLease("s:k");
            held.close();
            return events.contains("lost k");
        });
    }

    @Test
    void releaseReachesTheStoreBeforeTheLockerIsClosed() throws Exception {
        for (int i = 0; i < 10; i++) {
            KeyedLocker<Object> locker = locker(1, PATIENT);
            locker.acquire("k").close();
            locker.close();
            assertThat(isHeld("s:k")).isFalse();
        }
        there.acquire("k").close();
    }

    @Test
    void zeroWaitIsOneRemoteTry() throws Exception {
        Optional<Permit> first = here.tryAcquire("k");
        assertThat(first).isPresent();
        assertThatThrownBy(() -> there.acquire("k", Duration.ZERO)).isInstanceOf(LockTimeoutException.class);
        assertThat(catchThrowable(() -> there.acquireAsync("k", Duration.ZERO).get(60, TimeUnit.SECONDS)))
                .hasCauseInstanceOf(LockTimeoutException.class);
        assertThat(there.isActive("k")).isFalse();
        first.orElseThrow().close();
    }
}
