// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The lock of one key as a {@link Lock}. */
@SuppressWarnings("LockNotBeforeTry") // the views are called step by step
class LockViewTests {

    @RegisterExtension
    final Cast cast = new Cast();

    private final KeyedLocker<String> locker =
            KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"));

    @Test
    @DisplayName("views of equal keys are interchangeable")
    void viewsAreInterchangeable() {
        locker.asLock("k").lock();
        locker.asLock(new String("k")).lock();
        locker.asLock("k").unlock();
        assertThat(locker.isActive("k")).isTrue();
        locker.asLock(new String("k")).unlock();
        assertThat(locker.isActive("k")).isFalse();
    }

    @Test
    @DisplayName("creating a view acquires nothing")
    void creatingAViewAcquiresNothing() {
        assertThat(locker.asLock("k")).hasToString("Lock[orders, key k]");
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("views and permits of a key exclude each other")
    void viewsAndPermitsExcludeEachOther() throws Exception {
        Actor other = cast.actor("other");
        locker.asLock("k").lock();
        assertThat(other.does(() -> locker.tryAcquire("k"))).isEmpty();
        assertThat(other.does(() -> locker.asLock("k").tryLock())).isFalse();
        Future<Permit> waiting = other.begins(() -> locker.acquire("k"));
        Cast.untilWaiters(locker, "k", 1);
        locker.asLock("k").unlock();
        Actor.result(waiting);
        assertThat(locker.asLock("k").tryLock()).isFalse();
    }

    @Test
    @DisplayName("unlock() by another thread, or without a lock(), throws and changes nothing")
    void unlockByAnotherThreadThrows() throws Exception {
        Actor other = cast.actor("other");
        assertThatThrownBy(() -> locker.asLock("k").unlock())
                .isInstanceOf(IllegalMonitorStateException.class)
                .hasMessage("The current thread has not locked orders, key k, or has unlocked it already");
        locker.asLock("k").lock();
        assertThatThrownBy(() -> other.runs(() -> locker.asLock("k").unlock()))
                .isInstanceOf(IllegalMonitorStateException.class);
        assertThat(other.does(() -> locker.tryAcquire("k"))).isEmpty();
        locker.asLock("k").unlock();
        assertThatThrownBy(() -> locker.asLock("k").unlock()).isInstanceOf(IllegalMonitorStateException.class);
    }

    @Test
    @DisplayName("unlock() releases a lock() and no permit of the same thread")
    void unlockDoesNotUndoAPermit() throws Exception {
        Permit permit = locker.acquire("k");
        assertThatThrownBy(() -> locker.asLock("k").unlock()).isInstanceOf(IllegalMonitorStateException.class);
        locker.asLock("k").lock();
        locker.asLock("k").unlock();
        assertThatThrownBy(() -> locker.asLock("k").unlock()).isInstanceOf(IllegalMonitorStateException.class);
        assertThat(locker.isActive("k")).isTrue();
        permit.close();
        assertThat(locker.isActive("k")).isFalse();
    }

    @Test
    @DisplayName("a lock() may outlive a permit and a permit a lock()")
    void lockAndPermitMayEndInAnyOrder() throws Exception {
        Actor other = cast.actor("other");
        Permit permit = locker.acquire("k");
        locker.asLock("k").lock();
        permit.close();
        assertThat(other.does(() -> locker.tryAcquire("k"))).isEmpty();
        locker.asLock("k").unlock();
        assertThat(locker.isActive("k")).isFalse();
        locker.asLock("k").lock();
        Permit inner = locker.acquire("k");
        locker.asLock("k").unlock();
        assertThat(other.does(() -> locker.tryAcquire("k"))).isEmpty();
        assertThatThrownBy(() -> locker.asLock("k").unlock()).isInstanceOf(IllegalMonitorStateException.class);
        inner.close();
        assertThat(locker.isActive("k")).isFalse();
    }

    @Test
    @DisplayName("each acquisition, by any method, needs one unlock()")
    void eachLockNeedsAnUnlock() throws Exception {
        Lock lock = locker.asLock("k");
        lock.lock();
        lock.lockInterruptibly();
        assertThat(lock.tryLock()).isTrue();
        assertThat(lock.tryLock(1, TimeUnit.SECONDS)).isTrue();
        for (int i = 0; i < 4; i++) {
            assertThat(locker.isActive("k")).isTrue();
            lock.unlock();
        }
        assertThat(locker.isActive("k")).isFalse();
        assertThatThrownBy(lock::unlock).isInstanceOf(IllegalMonitorStateException.class);
    }

    @Test
    @DisplayName("each of several holders unlocks its own")
    void eachHolderUnlocksItsOwn() {
        KeyedLocker<String> three =
                KeyedLocker.create(KeyedLockerSettings.defaults().withLimit(3));
        List<Actor> actors = List.of(cast.actor("a"), cast.actor("b"), cast.actor("c"));
        for (Actor actor : actors) {
            actor.runs(() -> three.asLock("k").lock());
            actor.runs(() -> three.asLock("k").lock());
        }
        for (int i : new int[] {1, 0, 2}) {
            actors.get(i).runs(() -> three.asLock("k").unlock());
            actors.get(i).runs(() -> three.asLock("k").unlock());
            assertThatThrownBy(() -> actors.get(i).runs(() -> three.asLock("k").unlock()))
                    .isInstanceOf(IllegalMonitorStateException.class);
        }
        assertThat(three.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("tryLock() is false on a key that a future holds, lock() waits for it")
    void lockWaitsForAFuture() {
        Permit held = locker.acquireAsync("k").join();
        assertThat(locker.asLock("k").tryLock()).isFalse();
        Actor waiter = cast.actor("waiter");
        Future<Boolean> waiting = waiter.begins(() -> {
            locker.asLock("k").lock();
            return true;
        });
        Cast.untilWaiters(locker, "k", 1);
        assertThat(waiting.isDone()).isFalse();
        held.close();
        assertThat(Actor.result(waiting)).isTrue();
        waiter.runs(() -> locker.asLock("k").unlock());
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("lock() waits beyond the wait time of the settings")
    void lockIgnoresTheSettingsWaitTime() {
        KeyedLocker<String> impatient =
                KeyedLocker.create(KeyedLockerSettings.defaults().withWaitTime(java.time.Duration.ZERO));
        Permit held = impatient.acquireAsync("k").join();
        Future<?> waiting = cast.actor("waiter").begins(() -> {
            impatient.asLock("k").lock();
            return null;
        });
        Future<?> interruptible = cast.actor("interruptible").begins(() -> {
            impatient.asLock("k").lockInterruptibly();
            return null;
        });
        Cast.untilWaiters(impatient, "k", 2);
        assertThat(waiting.isDone()).isFalse();
        assertThat(interruptible.isDone()).isFalse();
        held.close();
        Cast.untilWaiters(impatient, "k", 1);
    }

    @Test
    @DisplayName("inside a task of supplyAsync its thread may lock and unlock")
    void taskMayLock() {
        CompletableFuture<String> done = locker.supplyAsync(
                "k",
                () -> {
                    locker.asLock("k").lock();
                    locker.asLock("k").unlock();
                    assertThatThrownBy(() -> locker.asLock("k").unlock())
                            .isInstanceOf(IllegalMonitorStateException.class);
                    return "done";
                },
                Runnable::run);
        assertThat(done).isCompletedWithValue("done");
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("there are no conditions")
    void thereAreNoConditions() {
        assertThatThrownBy(() -> locker.asLock("k").newCondition())
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("A keyed lock has no conditions");
    }
}
