// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Both orders of every race for a permit, decided by the test. A script acts while the waiting thread is parked, and that
 * thread sees all effects at its next check. The loser releases; no key stays active.
 */
class RaceTests {

    private static final Duration SECOND = Duration.ofSeconds(1);

    @RegisterExtension
    final Cast cast = new Cast();

    private final ScriptedClock clock = new ScriptedClock();

    private DefaultKeyedLocker<String> locker;

    private Permit held;

    private void hold(boolean fair, int limit) {
        locker = DefaultKeyedLocker.create(
                KeyedLockerSettings.defaults().withFair(fair).withLimit(limit), null, clock);
        for (int i = 0; i < limit; i++) {
            held = locker.acquireAsync("k").join();
        }
    }

    private void whileParked(Runnable... steps) {
        clock.script(Thread.currentThread(), steps);
    }

    private static void interrupt() {
        Thread.currentThread().interrupt();
    }

    @AfterEach
    void nothingIsLost() {
        assertThat(Thread.interrupted()).isFalse();
        int limit = locker.settings().limit();
        assertThat(Cast.waiters(locker, "k")).isZero();
        assertThat(Cast.holders(locker, "k")).isEqualTo(limit - 1);
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("release, then time-out: the waiter has the permit")
    void releaseBeforeTimeout(boolean fair) throws Exception {
        hold(fair, 1);
        whileParked(() -> {
            held.close();
            clock.advance(SECOND);
        });
        locker.acquire("k", SECOND).close();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("time-out, then release, before the waiter checks: it acquires the free permit")
    void releaseAfterTheTimeoutBeforeTheWaiterChecks(boolean fair) throws Exception {
        hold(fair, 3);
        whileParked(() -> {
            clock.advance(SECOND);
            held.close();
        });
        locker.tryAcquire("k", SECOND).orElseThrow().close();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("the waiter times out, then release: the permit is free")
    void timeoutThenRelease(boolean fair) throws Exception {
        hold(fair, 2);
        whileParked(() -> clock.advance(SECOND));
        assertThat(locker.tryAcquire("k", SECOND)).isEmpty();
        held.close();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("release, then interrupt: the waiter has the permit and its flag is set, as with a semaphore")
    void releaseBeforeInterrupt(boolean fair) throws Exception {
        hold(fair, 1);
        whileParked(() -> {
            held.close();
            interrupt();
        });
        Permit mine = locker.acquire("k");
        assertThat(Thread.interrupted()).isTrue();
        mine.close();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("interrupt, then release, before the waiter checks: the permit is not lost")
    void releaseAfterTheInterruptBeforeTheWaiterChecks(boolean fair) throws Exception {
        hold(fair, 1);
        whileParked(() -> {
            interrupt();
            held.close();
        });
        Permit mine = locker.acquire("k");
        assertThat(Thread.interrupted()).isTrue();
        mine.close();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("the waiter is interrupted, then release: the permit is free")
    void interruptThenRelease(boolean fair) {
        hold(fair, 2);
        whileParked(RaceTests::interrupt);
        assertThatThrownBy(() -> locker.acquire("k")).isInstanceOf(InterruptedException.class);
        held.close();
    }

    @Test
    @DisplayName("interrupt and time-out at once: the interrupt is reported, and no waiter remains")
    void interruptAndTimeout() {
        hold(false, 1);
        whileParked(() -> {
            clock.advance(SECOND);
            interrupt();
        });
        assertThatThrownBy(() -> locker.acquire("k", SECOND)).isInstanceOf(InterruptedException.class);
        held.close();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("release, close, time-out and interrupt at once: the waiter keeps a permit that was handed off")
    void releaseCloseTimeoutAndInterruptAtOnce(boolean fair) throws Exception {
        hold(fair, 1);
        whileParked(() -> {
            held.close();
            clock.advance(SECOND);
            interrupt();
            locker.close();
        });
        if (fair) {
            Permit mine = locker.acquire("k", SECOND);
            assertThat(Thread.interrupted()).isTrue();
            mine.close();
        } else {
            // The permit was free but not acquired, so the close wins.
            assertThatThrownBy(() -> locker.acquire("k", SECOND)).isInstanceOf(KeyedLockerClosedException.class);
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("close, then release: the waiter fails, and the permit is free")
    void closeBeforeRelease(boolean fair) {
        hold(fair, 2);
        whileParked(() -> {
            locker.close();
            held.close();
        });
        assertThatThrownBy(() -> locker.acquire("k")).isInstanceOf(KeyedLockerClosedException.class);
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("release, then close: the permit is handed off or the waiter fails, but no permit is lost")
    void releaseBeforeClose(boolean fair) throws Exception {
        hold(fair, 1);
        whileParked(() -> {
            held.close();
            locker.close();
        });
        if (fair) {
            locker.acquire("k").close();
        } else {
            assertThatThrownBy(() -> locker.acquire("k")).isInstanceOf(KeyedLockerClosedException.class);
        }
    }

    @Test
    @DisplayName("a newcomer overtakes the signalled head: the next release signals the head again")
    void overtakenHeadIsSignalledAgain() throws Exception {
        hold(false, 1);
        Actor newcomer = cast.actor("newcomer");
        whileParked(
                () -> {
                    held.close();
                    held = newcomer.does(() -> locker.tryAcquire("k")).orElseThrow();
                },
                () -> {
                    // It has checked in vain: its signal must be cleared, so that the next release signals it.
                    assertThat(Cast.waiters(locker, "k")).isEqualTo(1);
                    assertThat(((Hold) held).entry().contended().head.signalled).isFalse();
                    held.close();
                });
        locker.acquire("k").close();
    }

    @Test
    @DisplayName("the signalled head leaves: the next waiter is signalled")
    void leavingHeadSignalsTheNextWaiter() throws Exception {
        hold(false, 1);
        Actor behind = cast.actor("behind");
        CompletableFuture<Permit> second = new CompletableFuture<>();
        whileParked(() -> {
            behind.begins(() -> second.complete(locker.acquire("k")));
            Cast.untilWaiters(locker, "k", 2);
            clock.advance(SECOND);
        });
        // The first leaves while a permit is free; the release that follows must signal the second.
        assertThat(locker.tryAcquire("k", SECOND)).isEmpty();
        held.close();
        Actor.result(second).close();
    }

    @Test
    @DisplayName("the signalled head is removed from the queue: the next waiter is signalled")
    void removingTheHeadSignalsTheNextWaiter() throws Exception {
        hold(false, 1);
        Entry entry = (Entry) held;
        Actor head = cast.actor("head");
        CountDownLatch mayLook = new CountDownLatch(1);
        clock.script(head.thread(), () -> await(mayLook));
        Future<Optional<Permit>> first = head.begins(() -> locker.tryAcquire("k", SECOND));
        Cast.untilWaiters(locker, "k", 1);
        Future<Permit> second = cast.actor("behind").begins(() -> locker.acquire("k"));
        Cast.untilWaiters(locker, "k", 2);
        held.close();
        entry.stripe.lock();
        entry.stripe.cancelAndUnlock(entry.contended().head, RejectReason.TIMED_OUT, false);
        Actor.result(second).close();
        mayLook.countDown();
        assertThat(Actor.result(first)).isEmpty();
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(2, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    @DisplayName("a head that acquires the free permit signals the next waiter if another is free")
    void servedHeadSignalsTheNextWaiter() throws Exception {
        hold(false, 2);
        Permit other = held;
        Actor behind = cast.actor("behind");
        CompletableFuture<Permit> second = new CompletableFuture<>();
        Actor third = cast.actor("third");
        whileParked(() -> {
            behind.begins(() -> second.complete(locker.acquire("k")));
            Cast.untilWaiters(locker, "k", 2);
            other.close();
            // A newcomer acquires and releases before the head checks. The head was signalled only once.
            third.does(() -> locker.tryAcquire("k")).orElseThrow().close();
        });
        locker.acquire("k").close();
        Actor.result(second).close();
    }

    @Test
    @DisplayName("a future at the head is cancelled: the thread behind it is signalled")
    void cancelledHeadSignalsTheNextWaiter() throws Exception {
        hold(false, 1);
        CompletableFuture<Permit> head = locker.acquireAsync("k");
        whileParked(() -> {
            assertThat(head.cancel(true)).isTrue();
            held.close();
        });
        locker.acquire("k").close();
    }

    @Test
    @DisplayName("alternating threads and futures behind one release: each grants the next")
    void mixedQueueIsServedInOrder() throws Exception {
        hold(false, 1);
        CompletableFuture<Permit> before = locker.acquireAsync("k");
        CompletableFuture<Permit> after = new CompletableFuture<>();
        whileParked(() -> locker.acquireAsync("k").thenAccept(after::complete), () -> held.close(), () -> {
            assertThat(after).isNotDone();
            before.join().close();
        });
        Permit mine = locker.acquire("k");
        assertThat(after).isNotDone();
        mine.close();
        assertThat(after).isCompleted();
        after.join().close();
    }
}
