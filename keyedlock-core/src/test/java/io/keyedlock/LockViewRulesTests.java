// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static io.keyedlock.OtherThread.holders;
import static io.keyedlock.OtherThread.until;
import static io.keyedlock.OtherThread.waiters;
import static java.util.concurrent.TimeUnit.DAYS;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.NANOSECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The contracts of the JDK's {@link Lock} and of its reentrant lock, applied to the lock of a key. */
@SuppressWarnings("LockNotBeforeTry") // missing and surplus unlocks are tested
class LockViewRulesTests {

    private static final String KEY = "a";

    private final KeyedLocker<String> locker = KeyedLocker.create(KeyedLockerSettings.defaults());

    private final KeyedLocker<String> fair =
            KeyedLocker.create(KeyedLockerSettings.defaults().withFair(true));

    private final Lock lock = locker.asLock(KEY);

    /** A lock method that an interrupt can end. */
    private record Interruptible(String name, Callable<Boolean> call) {
        @Override
        public String toString() {
            return name;
        }
    }

    private Interruptible interruptible(String name) {
        return new Interruptible(
                name,
                name.equals("lockInterruptibly")
                        ? () -> {
                            lock.lockInterruptibly();
                            return true;
                        }
                        : () -> lock.tryLock(1, DAYS));
    }

    static Stream<String> interruptibles() {
        return Stream.of("lockInterruptibly", "tryLock(1, DAYS)");
    }

    @AfterEach
    void nobodyIsLeftInterrupted() {
        assertThat(Thread.interrupted()).isFalse();
    }

    // ---- owners

    @Test
    void isFreeAfterAsManyUnlocksAsLocks() {
        for (int i = 0; i < 50; i++) {
            lock.lock();
        }
        for (int i = 0; i < 50; i++) {
            assertThat(othersTry(lock)).isFalse();
            lock.unlock();
        }
        assertThat(othersTry(lock)).isTrue();
    }

    @Test
    void everyWayOfLockingReentersForTheOwner() throws InterruptedException {
        lock.lock();
        lock.lockInterruptibly();
        assertThat(lock.tryLock()).isTrue();
        assertThat(lock.tryLock(0, NANOSECONDS)).isTrue();
        assertThat(lock.tryLock(-1, DAYS)).isTrue();
        assertThat(holders(locker, KEY)).isOne();
        for (int i = 0; i < 5; i++) {
            lock.unlock();
        }
        assertThat(locker.isActive(KEY)).isFalse();
    }

    @Test
    void unlockOfAFreeLockThrows() {
        assertThatExceptionOfType(IllegalMonitorStateException.class)
                .isThrownBy(lock::unlock)
                .withMessageContaining(KEY);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void unlockByAnotherThreadThrowsAndReleasesNothing() {
        lock.lock();
        OtherThread<?> stranger = OtherThread.calls(() -> {
            lock.unlock();
            return null;
        });
        assertThat(stranger.failure()).isInstanceOf(IllegalMonitorStateException.class);
        assertThat(othersTry(lock)).isFalse();
        lock.unlock();
        assertThat(locker.isActive(KEY)).isFalse();
    }

    @Test
    void unlockByAWaiterThrows() {
        lock.lock();
        OtherThread<Boolean> waiter = OtherThread.waitsFor(locker, KEY, 0, () -> {
            lock.lock();
            lock.unlock();
            try {
                lock.unlock();
                return false;
            } catch (IllegalMonitorStateException e) {
                return true;
            }
        });
        lock.unlock();
        assertThat(waiter.result()).isTrue();
    }

    @Test
    void oneUnlockTooManyThrows() {
        lock.lock();
        lock.lock();
        lock.unlock();
        lock.unlock();
        assertThatExceptionOfType(IllegalMonitorStateException.class).isThrownBy(lock::unlock);
    }

    @Test
    void unlockUndoesNoPermit() throws InterruptedException {
        Permit permit = locker.acquire(KEY);
        assertThatExceptionOfType(IllegalMonitorStateException.class).isThrownBy(lock::unlock);
        assertThat(holders(locker, KEY)).isOne();
        permit.close();
    }

    @Test
    void locksAndPermitsOfOneThreadEndInAnyOrder() throws InterruptedException {
        Permit permit = locker.acquire(KEY);
        lock.lock();
        permit.close();
        assertThat(othersTry(lock)).isFalse();
        lock.unlock();
        assertThat(othersTry(lock)).isTrue();

        lock.lock();
        Permit inner = locker.acquire(KEY);
        lock.unlock();
        assertThat(othersTry(lock)).isFalse();
        inner.close();
        assertThat(othersTry(lock)).isTrue();
    }

    @Test
    void allViewsOfEqualKeysAreOneLock() {
        locker.asLock(new String(new char[] {'a'})).lock();
        assertThat(othersTry(lock)).isFalse();
        assertThat(othersTry(locker.asLock("b"))).isTrue();
        locker.asLock(KEY).unlock();
        assertThat(locker.isActive(KEY)).isFalse();
    }

    @Test
    void locksOfTwoKeysAreUnlockedInAnyOrder() {
        Lock other = locker.asLock("b");
        lock.lock();
        other.lock();
        lock.unlock();
        assertThat(othersTry(other)).isFalse();
        other.unlock();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    void aLockOutlivesItsThread() throws InterruptedException {
        OtherThread<Boolean> owner = OtherThread.calls(lock::tryLock);
        assertThat(owner.result()).isTrue();
        owner.thread.join();
        assertThat(lock.tryLock()).isFalse();
        assertThatExceptionOfType(IllegalMonitorStateException.class).isThrownBy(lock::unlock);
    }

    @Test
    void nonReentrantOwnerIsRejectedAndStaysTheOwner() {
        KeyedLocker<String> strict =
                KeyedLocker.create(KeyedLockerSettings.defaults().withReentrant(false));
        Lock once = strict.asLock(KEY);
        once.lock();
        assertThatExceptionOfType(LockReentryException.class).isThrownBy(once::lock);
        assertThatExceptionOfType(LockReentryException.class).isThrownBy(once::lockInterruptibly);
        assertThat(once.tryLock()).isFalse();
        once.unlock();
        assertThat(strict.activeKeyCount()).isZero();
    }

    // ---- lock()

    @Test
    void lockIgnoresAnEarlierInterrupt() {
        Thread.currentThread().interrupt();
        lock.lock();
        assertThat(Thread.interrupted()).isTrue();
        lock.unlock();
        assertThat(locker.isActive(KEY)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void lockKeepsWaitingWhenInterruptedAndSetsTheFlag(boolean handed) {
        KeyedLocker<String> of = handed ? fair : locker;
        Lock taken = of.asLock(KEY);
        taken.lock();
        OtherThread<Boolean> waiter = OtherThread.waitsFor(of, KEY, 0, () -> {
            taken.lock();
            boolean flag = Thread.currentThread().isInterrupted();
            taken.unlock();
            return flag;
        });
        for (int i = 0; i < 3; i++) {
            waiter.thread.interrupt();
            until(() -> waiter.thread.getState() == Thread.State.WAITING
                    || waiter.thread.getState() == Thread.State.TIMED_WAITING
                    || waiter.isDone());
        }
        assertThat(waiter.isDone()).isFalse();
        assertThat(waiters(of, KEY)).isOne();
        taken.unlock();
        assertThat(waiter.result()).isTrue();
        until(() -> of.activeKeyCount() == 0);
    }

    @Test
    void lockIgnoresTheWaitTime() {
        KeyedLocker<String> hasty =
                KeyedLocker.create(KeyedLockerSettings.defaults().withWaitTime(Duration.ZERO));
        Lock taken = hasty.asLock(KEY);
        taken.lock();
        OtherThread<Boolean> waiter = OtherThread.waitsFor(hasty, KEY, 0, () -> {
            taken.lock();
            taken.unlock();
            return true;
        });
        taken.unlock();
        assertThat(waiter.result()).isTrue();
    }

    @Test
    void lockFailsWhenItsLockerIsClosed() {
        lock.lock();
        OtherThread<?> waiter = OtherThread.waitsFor(locker, KEY, 0, () -> {
            lock.lock();
            return null;
        });
        locker.close();
        assertThat(waiter.failure()).isInstanceOf(KeyedLockerClosedException.class);
        lock.unlock();
        assertThatExceptionOfType(KeyedLockerClosedException.class).isThrownBy(lock::lock);
        assertThatExceptionOfType(KeyedLockerClosedException.class).isThrownBy(lock::tryLock);
        assertThat(locker.activeKeyCount()).isZero();
    }

    // ---- interrupts

    @ParameterizedTest
    @MethodSource("interruptibles")
    void interruptBeforeFailsOnAFreeLockAndClearsTheFlag(String way) {
        Thread.currentThread().interrupt();
        assertThatExceptionOfType(InterruptedException.class)
                .isThrownBy(interruptible(way).call()::call);
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest
    @MethodSource("interruptibles")
    void interruptBeforeFailsAReentrantLockAndKeepsTheOwner(String way) {
        lock.lock();
        Thread.currentThread().interrupt();
        assertThatExceptionOfType(InterruptedException.class)
                .isThrownBy(interruptible(way).call()::call);
        assertThat(othersTry(lock)).isFalse();
        lock.unlock();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest
    @MethodSource("interruptibles")
    void interruptDuringTheWaitEndsItAndClearsTheFlag(String way) {
        lock.lock();
        OtherThread<Boolean> waiter =
                OtherThread.waitsFor(locker, KEY, 0, interruptible(way).call());
        waiter.thread.interrupt();
        assertThat(waiter.failure()).isInstanceOf(InterruptedException.class);
        assertThat(waiter.endedInterrupted()).isFalse();
        assertThat(waiters(locker, KEY)).isZero();
        assertThat(holders(locker, KEY)).isOne();
        lock.unlock();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest
    @MethodSource("interruptibles")
    void interruptedWaiterOwnsNothing(String way) {
        lock.lock();
        OtherThread<Boolean> waiter = OtherThread.waitsFor(locker, KEY, 0, () -> {
            try {
                return !interruptible(way).call().call();
            } catch (InterruptedException e) {
                lock.unlock();
                return false;
            }
        });
        waiter.thread.interrupt();
        assertThat(waiter.failure()).isInstanceOf(IllegalMonitorStateException.class);
        lock.unlock();
    }

    @Test
    void untimedTryIgnoresTheFlag() {
        Thread.currentThread().interrupt();
        assertThat(lock.tryLock()).isTrue();
        assertThat(lock.tryLock()).isTrue();
        assertThat(Thread.interrupted()).isTrue();
        lock.unlock();
        lock.unlock();
    }

    // ---- tries

    @Test
    void tryOfAHeldLockIsFalseAtOnce() throws InterruptedException {
        OtherThread<Boolean> owner = OtherThread.calls(lock::tryLock);
        assertThat(owner.result()).isTrue();
        assertThat(lock.tryLock()).isFalse();
        assertThat(lock.tryLock(0, SECONDS)).isFalse();
        assertThat(lock.tryLock(-1, SECONDS)).isFalse();
        assertThat(lock.tryLock(Long.MIN_VALUE, DAYS)).isFalse();
        assertThat(waiters(locker, KEY)).isZero();
    }

    @Test
    void timedTryIsFalseWhenTheTimeHasPassed() throws InterruptedException {
        OtherThread<Boolean> owner = OtherThread.calls(lock::tryLock);
        assertThat(owner.result()).isTrue();
        long before = System.nanoTime();
        assertThat(lock.tryLock(20, MILLISECONDS)).isFalse();
        assertThat(System.nanoTime() - before).isGreaterThanOrEqualTo(MILLISECONDS.toNanos(20));
        assertThat(waiters(locker, KEY)).isZero();
        assertThat(holders(locker, KEY)).isOne();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 200_000, Long.MAX_VALUE})
    void timedTryIsTrueWhenTheLockIsReleasedInTime(long days) {
        lock.lock();
        OtherThread<Boolean> waiter = OtherThread.waitsFor(locker, KEY, 0, () -> lock.tryLock(days, DAYS));
        lock.unlock();
        assertThat(waiter.result()).isTrue();
    }

    @Test
    void timedTryNeedsAUnit() {
        TimeUnit none = null;
        assertThatNullPointerException().isThrownBy(() -> lock.tryLock(1, none));
        assertThat(locker.activeKeyCount()).isZero();
    }

    // ---- order

    @Test
    void fairLockIsAcquiredInTheOrderOfArrival() {
        Lock taken = fair.asLock(KEY);
        taken.lock();
        List<Integer> order = Collections.synchronizedList(new ArrayList<>());
        List<OtherThread<Boolean>> all = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            int number = i;
            all.add(OtherThread.waitsFor(fair, KEY, i, () -> {
                if (number % 2 == 0) {
                    taken.lock();
                } else if (!taken.tryLock(1, DAYS)) {
                    return false;
                }
                order.add(number);
                taken.unlock();
                return true;
            }));
        }
        taken.unlock();
        assertThat(all).allMatch(OtherThread::result);
        assertThat(order).containsExactly(0, 1, 2, 3, 4);
    }

    @Test
    void hasNoConditions() {
        assertThatExceptionOfType(UnsupportedOperationException.class).isThrownBy(lock::newCondition);
    }

    @Test
    void namesItsLockerAndRedactsItsKey() {
        assertThat(lock).hasToString("Lock[default, key a]");
        KeyedLocker<String> discreet = KeyedLocker.create(
                KeyedLockerSettings.defaults().withName("quiet").withShowKeys(false));
        assertThat(discreet.asLock("secret")).hasToString("Lock[quiet]");
        assertThatExceptionOfType(IllegalMonitorStateException.class)
                .isThrownBy(discreet.asLock("secret")::unlock)
                .withMessageNotContaining("secret");
    }

    /** Returns whether another thread can acquire the lock now; releases it again. */
    private static boolean othersTry(Lock lock) {
        return OtherThread.calls(() -> {
                    boolean taken = lock.tryLock();
                    if (taken) {
                        lock.unlock();
                    }
                    return taken;
                })
                .result();
    }
}
