// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static io.keyedlock.OtherThread.holders;
import static io.keyedlock.OtherThread.until;
import static io.keyedlock.OtherThread.waiters;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The contract of the JDK's {@link Semaphore}, applied to one key with a limit. Comments state where a locker differs.
 */
class SemaphoreRulesTests {

    private static final String KEY = "a";

    private static final Duration LONG = Duration.ofDays(1);

    private static KeyedLocker<String> locker(int limit, boolean fair) {
        return KeyedLocker.create(
                KeyedLockerSettings.defaults().withLimit(limit).withFair(fair));
    }

    /** Acquires permits that no thread owns, so that no caller reenters. */
    private static List<Permit> take(KeyedLocker<String> locker, int count) {
        List<Permit> permits = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            permits.add(locker.acquireAsync(KEY, Duration.ZERO).join());
        }
        return permits;
    }

    private static int free(KeyedLocker<String> locker) {
        return locker.settings().limit() - holders(locker, KEY);
    }

    @AfterEach
    void nobodyIsLeftInterrupted() {
        assertThat(Thread.interrupted()).isFalse();
    }

    // ---- permits

    @ParameterizedTest
    @CsvSource({"1,false", "2,false", "2,true", "20,false"})
    void admitsUpToTheLimit(int limit, boolean fair) {
        KeyedLocker<String> locker = locker(limit, fair);
        List<Permit> permits = take(locker, limit);
        assertThat(free(locker)).isZero();
        assertThat(locker.tryAcquire(KEY)).isEmpty();
        permits.forEach(Permit::close);
        assertThat(take(locker, limit)).hasSize(limit);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anyThreadMayRelease(boolean fair) throws InterruptedException {
        KeyedLocker<String> locker = locker(1, fair);
        Permit permit = locker.acquire(KEY);
        OtherThread<Boolean> other = OtherThread.calls(() -> {
            permit.close();
            return locker.tryAcquire(KEY).isPresent();
        });
        assertThat(other.result()).isTrue();
    }

    /** A semaphore may be released more often than acquired; a permit is released once. */
    @Test
    void releasingTwiceDoesNotRaiseTheLimit() {
        KeyedLocker<String> locker = locker(2, false);
        List<Permit> permits = take(locker, 2);
        for (int i = 0; i < 3; i++) {
            permits.get(0).close();
        }
        assertThat(free(locker)).isOne();
        take(locker, 1);
        permits.get(0).close();
        assertThat(free(locker)).isZero();
    }

    /** A semaphore has no owners, so a second call acquires a second permit. */
    @Test
    void aThreadNeverHoldsTwoPermits() throws InterruptedException {
        KeyedLocker<String> locker = locker(3, false);
        Permit outer = locker.acquire(KEY);
        Permit inner = locker.acquire(KEY);
        assertThat(free(locker)).isEqualTo(2);
        outer.close();
        assertThat(free(locker)).isEqualTo(2);
        inner.close();
        assertThat(locker.isActive(KEY)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void releasingOneAdmitsOne(boolean fair) {
        KeyedLocker<String> locker = locker(2, fair);
        List<Permit> permits = take(locker, 2);
        CountDownLatch end = new CountDownLatch(1);
        AtomicInteger inside = new AtomicInteger();
        List<OtherThread<Boolean>> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            all.add(OtherThread.waitsFor(locker, KEY, i, () -> {
                Permit permit = locker.acquire(KEY);
                inside.incrementAndGet();
                end.await();
                permit.close();
                return true;
            }));
        }
        permits.get(0).close();
        until(() -> inside.get() == 1);
        assertThat(waiters(locker, KEY)).isEqualTo(2);
        permits.get(1).close();
        until(() -> inside.get() == 2);
        assertThat(waiters(locker, KEY)).isOne();
        assertThat(free(locker)).isZero();
        end.countDown();
        assertThat(all).allMatch(OtherThread::result);
        until(() -> locker.activeKeyCount() == 0);
    }

    @Test
    void allAlternatingThreadsMakeProgress() {
        KeyedLocker<String> locker = locker(2, false);
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger peak = new AtomicInteger();
        List<OtherThread<Boolean>> all = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            all.add(OtherThread.calls(() -> {
                for (int turn = 0; turn < 200; turn++) {
                    Permit permit = locker.acquire(KEY);
                    peak.accumulateAndGet(inside.incrementAndGet(), Math::max);
                    inside.decrementAndGet();
                    permit.close();
                }
                return true;
            }));
        }
        assertThat(all).allMatch(OtherThread::result);
        assertThat(peak).hasValueLessThanOrEqualTo(2);
        assertThat(locker.activeKeyCount()).isZero();
    }

    // ---- tries

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void untimedTryIgnoresTheFlag(boolean fair) {
        KeyedLocker<String> locker = locker(1, fair);
        Thread.currentThread().interrupt();
        assertThat(locker.tryAcquire(KEY)).isPresent();
        assertThat(Thread.interrupted()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void timedTryOfAHeldKeyIsEmptyAfterTheTimeAndLeavesNoTrace(boolean fair) throws InterruptedException {
        KeyedLocker<String> locker = locker(1, fair);
        List<Permit> permits = take(locker, 1);
        long before = System.nanoTime();
        assertThat(locker.tryAcquire(KEY, Duration.ofMillis(20))).isEmpty();
        assertThat(System.nanoTime() - before)
                .isGreaterThanOrEqualTo(Duration.ofMillis(20).toNanos());
        assertThat(waiters(locker, KEY)).isZero();
        permits.get(0).close();
        assertThat(locker.isActive(KEY)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void tryWithoutTimeNeitherWaitsNorFailsOnAFreeKey(boolean fair) throws InterruptedException {
        KeyedLocker<String> locker = locker(1, fair);
        Permit permit = locker.tryAcquire(KEY, Duration.ZERO).orElseThrow();
        OtherThread<Boolean> other =
                OtherThread.calls(() -> locker.tryAcquire(KEY, Duration.ZERO).isEmpty());
        assertThat(other.result()).isTrue();
        permit.close();
    }

    /** A semaphore treats a negative time as zero; a locker rejects it. */
    @Test
    void negativeTimesAreRejected() {
        KeyedLocker<String> locker = locker(1, false);
        Duration negative = Duration.ofNanos(-1);
        assertThatIllegalArgumentException().isThrownBy(() -> locker.tryAcquire(KEY, negative));
        assertThatIllegalArgumentException().isThrownBy(() -> locker.acquire(KEY, negative));
        assertThatIllegalArgumentException().isThrownBy(() -> locker.acquireAsync(KEY, negative));
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void timedTryIsGrantedWhenAPermitIsReleased(boolean fair) {
        KeyedLocker<String> locker = locker(2, fair);
        List<Permit> permits = take(locker, 2);
        OtherThread<Boolean> waiter = OtherThread.waitsFor(
                locker, KEY, 0, () -> locker.tryAcquire(KEY, LONG).isPresent());
        permits.get(1).close();
        assertThat(waiter.result()).isTrue();
    }

    // ---- interrupts

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void interruptBeforeFailsAlsoOnAFreeKeyAndAcquiresNothing(boolean fair) {
        KeyedLocker<String> locker = locker(2, fair);
        Thread.currentThread().interrupt();
        assertThatExceptionOfType(InterruptedException.class).isThrownBy(() -> locker.acquire(KEY));
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
        Thread.currentThread().interrupt();
        assertThatExceptionOfType(InterruptedException.class).isThrownBy(() -> locker.tryAcquire(KEY, Duration.ZERO));
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"false,false", "false,true", "true,false", "true,true"})
    void interruptDuringTheWaitEndsItAndLosesNoPermit(boolean fair, boolean timed) {
        KeyedLocker<String> locker = locker(1, fair);
        List<Permit> permits = take(locker, 1);
        OtherThread<Boolean> waiter = OtherThread.waitsFor(
                locker,
                KEY,
                0,
                () -> (timed ? locker.tryAcquire(KEY, LONG).orElseThrow() : locker.acquire(KEY)) == null);
        waiter.thread.interrupt();
        assertThat(waiter.failure()).isInstanceOf(InterruptedException.class);
        assertThat(waiter.endedInterrupted()).isFalse();
        assertThat(waiters(locker, KEY)).isZero();
        permits.get(0).close();
        assertThat(locker.isActive(KEY)).isFalse();
    }

    @Test
    void uninterruptibleWaitIsGrantedAndLeavesTheFlagSet() {
        KeyedLocker<String> locker = locker(2, false);
        List<Permit> permits = take(locker, 2);
        OtherThread<Boolean> waiter = OtherThread.waitsFor(locker, KEY, 0, () -> {
            locker.asLock(KEY).lock();
            return true;
        });
        waiter.thread.interrupt();
        assertThat(waiters(locker, KEY)).isOne();
        permits.get(0).close();
        assertThat(waiter.result()).isTrue();
        assertThat(waiter.endedInterrupted()).isTrue();
    }

    // ---- order

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void fairPermitsAreGrantedInTheOrderOfArrival(int limit) {
        KeyedLocker<String> locker = locker(limit, true);
        List<Permit> permits = take(locker, limit);
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        Semaphore step = new Semaphore(0);
        List<OtherThread<Boolean>> all = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            int number = i;
            all.add(OtherThread.waitsFor(locker, KEY, i, () -> {
                Permit permit = number % 2 == 0
                        ? locker.acquire(KEY)
                        : locker.tryAcquire(KEY, LONG).orElseThrow();
                order.add(number);
                step.acquire();
                permit.close();
                return true;
            }));
        }
        permits.get(0).close();
        for (int i = 1; i <= 6; i++) {
            int done = i;
            until(() -> order.size() == done);
            step.release();
        }
        assertThat(all).allMatch(OtherThread::result);
        assertThat(order).containsExactly(0, 1, 2, 3, 4, 5);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void waiterThatLeavesTheMiddleOfTheQueueKeepsTheOrderOfTheOthers(boolean byInterrupt) {
        ScriptedClock clock = new ScriptedClock();
        KeyedLocker<String> locker =
                DefaultKeyedLocker.create(KeyedLockerSettings.defaults().withFair(true), null, clock);
        List<Permit> permits = take(locker, 1);
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        List<OtherThread<Boolean>> all = new ArrayList<>();
        Duration shorter = Duration.ofSeconds(1);
        for (int i = 0; i < 3; i++) {
            int number = i;
            Duration atMost = number == 1 && !byInterrupt ? shorter : LONG;
            all.add(OtherThread.waitsFor(locker, KEY, i, () -> {
                Permit permit = locker.tryAcquire(KEY, atMost).orElse(null);
                if (permit == null) {
                    return false;
                }
                order.add(number);
                permit.close();
                return true;
            }));
        }
        if (byInterrupt) {
            all.get(1).thread.interrupt();
            assertThat(all.get(1).failure()).isInstanceOf(InterruptedException.class);
        } else {
            clock.advance(shorter);
            assertThat(all.get(1).result()).isFalse();
        }
        assertThat(waiters(locker, KEY)).isEqualTo(2);
        permits.get(0).close();
        assertThat(all.get(0).result()).isTrue();
        assertThat(all.get(2).result()).isTrue();
        assertThat(order).containsExactly(0, 2);
    }

    /** An untimed try of a semaphore overtakes a fair queue; a fair locker has no free permit while callers wait. */
    @Test
    void tryDoesNotOvertakeAFairQueue() {
        SleepyClock clock = new SleepyClock();
        KeyedLocker<String> locker =
                DefaultKeyedLocker.create(KeyedLockerSettings.defaults().withFair(true), null, clock);
        List<Permit> permits = take(locker, 1);
        CountDownLatch end = new CountDownLatch(1);
        OtherThread<Boolean> waiter = OtherThread.waitsFor(locker, KEY, 0, () -> {
            Permit permit = locker.acquire(KEY);
            end.await();
            permit.close();
            return true;
        });
        permits.get(0).close();
        assertThat(locker.tryAcquire(KEY)).isEmpty();
        end.countDown();
        clock.wakeAll();
        assertThat(waiter.result()).isTrue();
    }

    @Test
    void tryOvertakesASignalledHeadOfAnUnfairQueue() {
        SleepyClock clock = new SleepyClock();
        KeyedLocker<String> locker = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null, clock);
        List<Permit> permits = take(locker, 1);
        OtherThread<Boolean> waiter = OtherThread.waitsFor(locker, KEY, 0, () -> {
            locker.acquire(KEY).close();
            return true;
        });
        permits.get(0).close();
        Permit newcomer = locker.tryAcquire(KEY).orElseThrow();
        assertThat(waiters(locker, KEY)).isOne();
        newcomer.close();
        clock.wakeAll();
        assertThat(waiter.result()).isTrue();
    }

    @Test
    void headThatWasOvertakenForAMillisecondIsHandedTheNextPermit() {
        SleepyClock clock = new SleepyClock();
        KeyedLocker<String> locker = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null, clock);
        List<Permit> permits = take(locker, 1);
        CountDownLatch end = new CountDownLatch(1);
        OtherThread<Boolean> waiter = OtherThread.waitsFor(locker, KEY, 0, () -> {
            Permit permit = locker.acquire(KEY);
            end.await();
            permit.close();
            return true;
        });
        until(() -> clock.asleep() == 1);
        clock.pass(Waiter.BYPASS_NANOS);
        clock.wakeOne();
        until(() -> clock.parkings() == 2);
        permits.get(0).close();
        assertThat(locker.tryAcquire(KEY)).isEmpty();
        assertThat(waiters(locker, KEY)).isZero();
        end.countDown();
        clock.wakeAll();
        assertThat(waiter.result()).isTrue();
    }

    /** Parks threads until the test wakes them, ignoring other unparks. The test also controls the clock. */
    private static final class SleepyClock extends Clock {

        private final Semaphore alarm = new Semaphore(0);

        private final AtomicInteger parkings = new AtomicInteger();

        private final AtomicLong now = new AtomicLong(1);

        @Override
        long nanoTime() {
            return now.get();
        }

        @Override
        void park(Object blocker) {
            parkings.incrementAndGet();
            alarm.acquireUninterruptibly();
        }

        @Override
        void parkNanos(Object blocker, long nanos) {
            park(blocker);
        }

        int asleep() {
            return alarm.getQueueLength();
        }

        int parkings() {
            return parkings.get();
        }

        void pass(long nanos) {
            now.addAndGet(nanos);
        }

        void wakeOne() {
            alarm.release();
        }

        void wakeAll() {
            alarm.release(1_000);
        }
    }
}
