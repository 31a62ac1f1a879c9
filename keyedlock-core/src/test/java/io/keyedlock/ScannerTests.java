// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The background scan retains no locker, and no user code ends it. */
class ScannerTests {

    private static final KeyedLockerSettings SOON =
            KeyedLockerSettings.defaults().withLongHold(Duration.ofMillis(4));

    /** Records the keys of long holds. */
    private static final class Reports implements KeyedLockerListener {

        final BlockingQueue<Object> keys = new LinkedBlockingQueue<>();

        @Override
        public void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
            keys.add(key);
        }

        Object next() throws InterruptedException {
            return keys.poll(2, TimeUnit.MINUTES);
        }
    }

    // ---- unreachable lockers

    @Test
    void unreachableLockerWithAnOpenPermitIsCollected() {
        WeakReference<KeyedLocker<String>> open = droppedWithAnOpenPermit(false);
        WeakReference<KeyedLocker<String>> closed = droppedWithAnOpenPermit(true);
        Cast.until(() -> {
            System.gc();
            return open.get() == null && closed.get() == null;
        });
    }

    private static WeakReference<KeyedLocker<String>> droppedWithAnOpenPermit(boolean closes) {
        KeyedLocker<String> locker = KeyedLocker.create(SOON);
        locker.acquireAsync("k").join();
        if (closes) {
            locker.close();
        }
        return new WeakReference<>(locker);
    }

    @Test
    void unreachableLockersDoNotAccumulate() throws InterruptedException {
        for (int i = 0; i < 1_000; i++) {
            KeyedLocker.create().acquire("k");
        }
        // The first use of a locker removes those that were collected since.
        Cast.until(() -> {
            System.gc();
            KeyedLocker.create().acquireAsync("k");
            return Scanner.LOCKERS.size() < 100;
        });
    }

    // ---- many keys

    @Test
    void theMoreKeysAreHeldTheMoreSeldomAllOfThemAreScanned() {
        DefaultKeyedLocker<String> locker = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null);
        for (int key = 0; key < 100_000; key++) {
            locker.acquireAsync("k" + key).join();
        }
        LockerScan scan = LockerScan.of(locker);
        long before = System.nanoTime();

        assertThat(scan.scan()).isFalse();

        assertThat(scan.allDue - before).isGreaterThanOrEqualTo(100_000 * LockerScan.PAUSE_PER_KEY);
        assertThat(scan.due - before).isLessThan(scan.allDue - before);
        long allDue = scan.allDue;
        assertThat(scan.scan()).isFalse();
        assertThat(scan.allDue).isEqualTo(allDue);
    }

    @Test
    void waitersAreFoundBetweenScansOfAllKeys() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        DefaultKeyedLocker<String> locker = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null, clock);
        Permit held = locker.acquire("k");
        LockerScan scan = LockerScan.of(locker);
        scan.allDue = System.nanoTime() + Duration.ofHours(1).toNanos();
        assertThat(scan.scan()).isFalse();
        CompletableFuture<Permit> waiting = locker.acquireAsync("k");
        clock.advance(Duration.ofMinutes(1));
        assertThat(scan.scan()).isTrue();
        held.close();
        waiting.join().close();
    }

    // ---- user code

    @Test
    void listenerThatParksForeverDelaysOnlyReportsOfItsLocker() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        CountDownLatch parks = new CountDownLatch(1);
        KeyedLocker<String> hostile = KeyedLocker.create(SOON, new KeyedLockerListener() {
            @Override
            public void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
                parks.countDown();
                try {
                    end.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        });
        Permit held = hostile.acquire("k");
        parks.await();
        try {
            Reports reports = new Reports();
            KeyedLocker<String> other = KeyedLocker.create(SOON, reports);
            Permit alsoHeld = other.acquire("other");
            assertThat(reports.next()).isEqualTo("other");
            alsoHeld.close();
            List<OtherThread<String>> both = List.of(
                    OtherThread.calls(() -> takesBoth(hostile, "a", "b")),
                    OtherThread.calls(() -> takesBoth(hostile, "b", "a")));
            assertThat(both).extracting(OtherThread::result).containsExactlyInAnyOrder("deadlock", "done");
        } finally {
            end.countDown();
            held.close();
        }
    }

    static String takesBoth(KeyedLocker<String> locker, String first, String second) throws InterruptedException {
        try (Permit one = locker.acquire(first)) {
            OtherThread.until(() -> locker.isActive(second));
            locker.acquire(second).close();
            return one == null ? "never" : "done";
        } catch (LockDeadlockException e) {
            return "deadlock";
        }
    }

    @Test
    void aFailedScanOfOneLockerDoesNotStopTheScans() throws Exception {
        List<Throwable> failures =
                List.of(new OutOfMemoryError("none left"), new StackOverflowError(), new IllegalStateException("no"));
        AtomicInteger looks = new AtomicInteger();
        Clock failing = new Clock() {
            @Override
            long nanoTime() {
                if (Thread.currentThread().getName().equals("keyedlock-scanner")) {
                    int look = looks.getAndIncrement();
                    if (look < failures.size()) {
                        throw ScannerTests.<RuntimeException>unchecked(failures.get(look));
                    }
                }
                return super.nanoTime();
            }
        };
        Reports reports = new Reports();
        KeyedLocker<String> locker = DefaultKeyedLocker.create(SOON, reports, failing);
        KeyedLocker<String> other = KeyedLocker.create(SOON, reports);
        Permit held = locker.acquire("failing");
        Permit alsoHeld = other.acquire("other");
        assertThat(List.of(reports.next(), reports.next())).containsExactlyInAnyOrder("failing", "other");
        assertThat(looks).hasValueGreaterThan(failures.size());
        held.close();
        alsoHeld.close();
    }

    @SuppressWarnings("unchecked") // throws any exception as unchecked
    private static <E extends Throwable> RuntimeException unchecked(Throwable failure) throws E {
        throw (E) failure;
    }

    @Test
    void aShortScanIntervalWakesALongerOne() throws Exception {
        Permit slow = KeyedLocker.<String>create().acquire("slow");
        Reports reports = new Reports();
        KeyedLocker<String> soon = KeyedLocker.create(SOON, reports);
        for (int round = 0; round < 20; round++) {
            Permit held = soon.acquire("soon");
            assertThat(reports.next()).isEqualTo("soon");
            held.close();
        }
        slow.close();
    }
}
