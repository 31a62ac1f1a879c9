// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.integration.IntegrationLockRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * What lockers of two processes do, whatever store they are on. A test class of a store extends this and creates stores that
 * share their data.
 */
public abstract class LockersOnAStoreContract {

    private static final Duration LONG = Duration.ofMinutes(1);

    /** A busy machine is not taken for an outage. */
    private static final LeaseSettings PATIENT = LeaseSettings.defaults().withBackendTimeout(LONG);

    private final List<KeyedLocker<String>> lockers = new ArrayList<>();
    private final List<Leases> leases = new ArrayList<>();
    private final String lock = "lockers-" + UUID.randomUUID();
    private KeyedLocker<String> here;
    private KeyedLocker<String> there;

    /** Creates a store of one process. */
    protected abstract LeaseStore create();

    @BeforeEach
    void twoProcesses() {
        here = locker(1);
        there = locker(1);
    }

    @AfterEach
    void close() {
        lockers.forEach(KeyedLocker::close);
        leases.forEach(Leases::close);
    }

    private KeyedLocker<String> locker(int limit) {
        KeyedLockerSettings settings =
                KeyedLockerSettings.defaults().withName(lock).withLimit(limit);
        Leases ofProcess = Leases.create(create(), "test");
        leases.add(ofProcess);
        KeyedLocker<String> locker = KeyedLocker.createOn(ofProcess.backend(settings, PATIENT), settings);
        lockers.add(locker);
        return locker;
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
        Awaitility.await().atMost(LONG).until(this::isFreeThere);
    }

    private static <T> T get(CompletableFuture<T> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
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
    void severalKeysInOppositeOrdersDoNotDeadlock() throws Exception {
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
        KeyedLocker<String> wide = locker(3);
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
    void aProcessIsIdleWhenItsOwnCallersAreDone() throws Exception {
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
        Lock mine = registry(here).obtain("k");
        mine.lockInterruptibly();
        try {
            assertThat(registry(there).obtain("k").tryLock()).isFalse();
        } finally {
            mine.unlock();
        }
        awaitFreeThere();
    }

    @SuppressWarnings("unchecked") // a locker of strings is given strings only
    private static IntegrationLockRegistry registry(KeyedLocker<?> locker) {
        return new IntegrationLockRegistry((KeyedLocker<Object>) locker);
    }
}
