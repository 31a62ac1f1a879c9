// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Long holds are reported once, while they last, with the stack of the holder. */
class LongHoldTests {

    private record Report(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack, boolean whileHeld) {}

    @RegisterExtension
    final Cast cast = new Cast();

    private final ScriptedClock clock = new ScriptedClock();

    private final LinkedBlockingQueue<Report> reports = new LinkedBlockingQueue<>();

    private DefaultKeyedLocker<String> locker;

    private final KeyedLockerListener listener = new KeyedLockerListener() {
        @Override
        public HoldTiming holdTiming() {
            return HoldTiming.OFF;
        }

        @Override
        public void longHold(Object key, KeySnapshot.Caller holder, List<StackTraceElement> stack) {
            reports.add(new Report(key, holder, stack, locker.isActive((String) key)));
        }
    };

    private void create(Duration longHold, int limit) {
        locker = DefaultKeyedLocker.create(
                KeyedLockerSettings.defaults().withLongHold(longHold).withLimit(limit), listener, clock);
    }

    private Report report() throws InterruptedException {
        return reports.poll(2, TimeUnit.MINUTES);
    }

    private static void longRunningWork(CountDownLatch begun, CountDownLatch until) throws InterruptedException {
        begun.countDown();
        until.await();
    }

    @Test
    @DisplayName("a hold over the threshold is reported once, while held, with its holder, age and stack")
    void reportedOnceWhileHeld() throws Exception {
        create(Duration.ofMillis(20), 1);
        Actor holder = cast.actor("holder");
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch until = new CountDownLatch(1);
        Future<Object> working = holder.begins(() -> locker.call("k", () -> {
            longRunningWork(begun, until);
            return null;
        }));
        begun.await();
        // Stamped by the first scan of the hold, on a clock that does not advance.
        Cast.until(() -> clock.readings.get() > 1);
        clock.advance(Duration.ofMillis(19));
        waitForScans(2);
        assertThat(reports).isEmpty();
        clock.advance(Duration.ofMillis(1));
        Report report = report();
        assertThat(report.key()).isEqualTo("k");
        assertThat(report.holder().threadName()).isEqualTo("holder");
        assertThat(report.holder().threadId()).isEqualTo(Threads.idOf(holder.thread()));
        assertThat(report.holder().age()).isEqualTo(Duration.ofMillis(20));
        assertThat(report.whileHeld()).isTrue();
        assertThat(report.stack()).anyMatch(frame -> frame.getMethodName().equals("longRunningWork"));
        clock.advance(Duration.ofSeconds(1));
        waitForScans(3);
        assertThat(reports).isEmpty();
        until.countDown();
        Actor.result(working);
        assertThat(locker.activeKeyCount()).isZero();
    }

    private void waitForScans(int count) {
        int before = clock.readings.get();
        Cast.until(() -> clock.readings.get() >= before + count);
    }

    @Test
    @DisplayName("every holder of a key is scanned, also one without an owner, and so is the next hold of the key")
    void everyHolderIsScanned() throws Exception {
        create(Duration.ofMillis(4), 2);
        Permit async = locker.acquireAsync("k").join();
        Permit mine = locker.acquire("k");
        waitForScans(2);
        clock.advance(Duration.ofMillis(4));
        List<Report> both = List.of(report(), report());
        assertThat(both.stream().map(r -> r.holder().threadName()))
                .containsExactlyInAnyOrder("async", Thread.currentThread().getName());
        both.stream()
                .filter(r -> r.holder().threadName().equals("async"))
                .forEach(r -> assertThat(r.stack()).isEmpty());
        async.close();
        mine.close();
        CompletableFuture<Permit> next = locker.acquireAsync("k");
        waitForScans(2);
        clock.advance(Duration.ofMillis(4));
        assertThat(report().holder().threadName()).isEqualTo("async");
        next.join().close();
    }

    @Test
    @DisplayName("the scan runs only while something is held, and starts again with the next hold")
    void scanRunsOnlyWhileSomethingIsHeld() throws Exception {
        create(Duration.ofMillis(4), 1);
        for (int round = 0; round < 3; round++) {
            Permit permit = locker.acquire("k");
            waitForScans(2);
            permit.close();
            int[] seen = {clock.readings.get(), 0};
            // Ten consecutive checks without another scan.
            Cast.until(() -> {
                int now = clock.readings.get();
                seen[1] = now == seen[0] ? seen[1] + 1 : 0;
                seen[0] = now;
                return seen[1] == 10;
            });
        }
    }

    @Test
    @DisplayName("a threshold of zero disables reports, and without deadlock detection the scan too")
    void zeroDisablesReports() throws Exception {
        locker = DefaultKeyedLocker.create(
                KeyedLockerSettings.defaults()
                        .withLongHold(Duration.ZERO)
                        .withDeadlockDetection(KeyedLockerSettings.DeadlockDetection.OFF),
                listener,
                clock);
        Permit permit = locker.acquire("k");
        clock.advance(Duration.ofDays(1));
        assertThat(clock.readings).hasValue(0);
        permit.close();
        assertThat(reports).isEmpty();
    }

    @Test
    @DisplayName("without a listener the scan stamps holders, so ages are short by at most its interval")
    void scanStampsHolders() throws Exception {
        DefaultKeyedLocker<String> unheard = DefaultKeyedLocker.create(
                KeyedLockerSettings.defaults().withLongHold(Duration.ofMillis(4)), null, clock);
        Permit permit = unheard.acquire("k");
        Cast.until(() -> clock.readings.get() > 1);
        clock.advance(Duration.ofSeconds(5));
        assertThat(unheard.snapshot("k").orElseThrow().holders().get(0).age()).isEqualTo(Duration.ofSeconds(5));
        permit.close();
    }
}
