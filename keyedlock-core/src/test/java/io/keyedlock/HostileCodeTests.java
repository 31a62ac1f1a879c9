// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.keyedlock.KeyedLockerSettings.DeadlockDetection;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Callbacks that park, throw or block may fail their caller, but never the key. */
@Tag("hostile")
class HostileCodeTests {

    private static final KeyedLockerSettings QUIET =
            KeyedLockerSettings.defaults().withLongHold(Duration.ZERO).withDeadlockDetection(DeadlockDetection.OFF);

    @RegisterExtension
    final Cast cast = new Cast();

    private final ScriptedClock clock = new ScriptedClock();

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("a listener that parks while the permit is released does not consume the waiter's wake-up")
    void listenerThatParksConsumesNoWakeUp(boolean fair) throws Exception {
        List<Permit> held = new ArrayList<>();
        Actor releaser = cast.actor("releaser");
        KeyedLocker<String> locker = KeyedLocker.create(QUIET.withFair(fair), new KeyedLockerListener() {
            @Override
            public Wait waiting(Object key, int ahead) {
                releaser.runs(held.get(0)::close);
                // Consumes the queue's unpark unless the wait for the releaser did.
                LockSupport.parkNanos(this, 1_000_000);
                return null;
            }
        });
        held.add(locker.acquireAsync("k").join());
        Actor waiter = cast.actor("waiter");
        waiter.does(() -> locker.acquire("k")).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("an error before the grant removes the waiter from the queue, and the next one is granted")
    void errorBeforeTheGrantRemovesTheWaiter() throws Exception {
        DefaultKeyedLocker<String> locker = DefaultKeyedLocker.create(QUIET, null, clock);
        Permit held = locker.acquireAsync("k").join();
        Actor dying = cast.actor("dying");
        CompletableFuture<Permit> behind = new CompletableFuture<>();
        clock.script(dying.thread(), () -> {
            cast.actor("behind").begins(() -> behind.complete(locker.acquire("k")));
            Cast.untilWaiters(locker, "k", 2);
            throw new OutOfMemoryError("as it happens");
        });
        assertThatThrownBy(() -> dying.does(() -> locker.acquire("k"))).isInstanceOf(OutOfMemoryError.class);
        assertThat(Cast.waiters(locker, "k")).isEqualTo(1);
        held.close();
        behind.get(2, TimeUnit.MINUTES).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("an error after the grant releases the permit")
    void errorAfterTheGrantReleasesThePermit(boolean fair) {
        DefaultKeyedLocker<String> locker = DefaultKeyedLocker.create(QUIET.withFair(fair), null, clock);
        Permit held = locker.acquireAsync("k").join();
        Actor dying = cast.actor("dying");
        clock.script(dying.thread(), () -> {
            held.close();
            throw new StackOverflowError("as it happens");
        });
        assertThatThrownBy(() -> dying.does(() -> locker.acquire("k"))).isInstanceOf(StackOverflowError.class);
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("an error after a signal signals the next waiter")
    void errorAfterASignalSignalsTheNextWaiter() throws Exception {
        DefaultKeyedLocker<String> locker = DefaultKeyedLocker.create(QUIET, null, clock);
        Permit held = locker.acquireAsync("k").join();
        Actor dying = cast.actor("dying");
        CompletableFuture<Permit> behind = new CompletableFuture<>();
        clock.script(dying.thread(), () -> {
            cast.actor("behind").begins(() -> behind.complete(locker.acquire("k")));
            Cast.untilWaiters(locker, "k", 2);
            held.close();
            throw new OutOfMemoryError("as it happens");
        });
        assertThatThrownBy(() -> dying.does(() -> locker.acquire("k"))).isInstanceOf(OutOfMemoryError.class);
        behind.get(2, TimeUnit.MINUTES).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("a signalled head that is not scheduled is overtaken for a bounded time only")
    void signalledHeadThatIsNotScheduledIsHandedThePermit() {
        DefaultKeyedLocker<String> locker = DefaultKeyedLocker.create(QUIET, null, clock);
        Permit held = locker.acquireAsync("k").join();
        Actor head = cast.actor("head");
        CountDownLatch mayRun = new CountDownLatch(1);
        clock.script(head.thread(), () -> await(mayRun));
        Future<Permit> waiting = head.begins(() -> locker.acquire("k"));
        Cast.untilWaiters(locker, "k", 1);
        held.close();
        locker.tryAcquire("k").orElseThrow().close();
        clock.advance(Duration.ofNanos(Waiter.BYPASS_OF_SIGNALLED_NANOS));
        int passes = 0;
        for (Optional<Permit> newcomer = locker.tryAcquire("k"); newcomer.isPresent(); ) {
            newcomer.get().close();
            assertThat(++passes).isLessThan(100);
            newcomer = locker.tryAcquire("k");
        }
        mayRun.countDown();
        Actor.result(waiting).close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("close() wakes the threads of all keys before a callback of a future runs")
    void slowCallbackDoesNotDelayWaitersWokenByClose() {
        KeyedLocker<Integer> locker = KeyedLocker.create(QUIET);
        CountDownLatch callback = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        List<Future<?>> threads = new ArrayList<>();
        for (int key = 0; key < 100; key++) {
            int mine = key;
            locker.acquireAsync(key).join();
            if (key % 10 == 0) {
                threads.add(cast.actor("waits for " + key).begins(() -> locker.acquire(mine)));
                Cast.untilWaiters(locker, key, 1);
            }
            locker.acquireAsync(key).whenComplete((permit, failure) -> {
                callback.countDown();
                await(goOn);
            });
        }
        Future<Void> closing = cast.actor("closes").begins(() -> {
            locker.close();
            return null;
        });
        await(callback);
        threads.forEach(thread -> assertThat(Actor.failure(thread)).isInstanceOf(KeyedLockerClosedException.class));
        assertThat(closing).isNotDone();
        goOn.countDown();
        Actor.result(closing);
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("a release that hands the permit to a waiting thread allocates nothing")
    void releaseAllocatesNothing(boolean fair) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        KeyedLocker<String> locker = KeyedLocker.create(QUIET.withFair(fair));
        Actor waiter = cast.actor("waiter");
        long me = Threads.idOf(Thread.currentThread());
        long allocated = Long.MAX_VALUE;
        // The first rounds load classes.
        for (int round = 0; round < 20; round++) {
            Permit held = locker.acquireAsync("k").join();
            Future<Permit> waiting = waiter.begins(() -> locker.acquire("k"));
            Cast.untilWaiters(locker, "k", 1);
            long before = threads.getThreadAllocatedBytes(me);
            held.close();
            long after = threads.getThreadAllocatedBytes(me);
            allocated = Math.min(allocated, after - before);
            Actor.result(waiting).close();
        }
        assertThat(allocated).isZero();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(2, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
