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
 * Both orders of every race for a permit, decided by the test: what a script does happens while the waiting thread is
 * parked, and it sees all of it at once when it looks. Whoever loses gives back; nothing is left active in the end.
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
    @DisplayName("release, then the time passes: the waiter has the permit")
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
    @DisplayName("the time passes, then release, before the waiter looks: it takes the permit that is there")
    void timeoutBeforeReleaseBeforeTheLook(boolean fair) throws Exception {
        hold(fair, 3);
        whileParked(() -> {
            clock.advance(SECOND);
            held.close();
        });
        locker.tryAcquire("k", SECOND).orElseThrow().close();
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName("the waiter gives up, then release: the permit is free")
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
    @DisplayName("interrupt, then release, before the waiter looks: the permit is not lost")
    void interruptBeforeReleaseBeforeTheLook(boolean fair) throws Exception {
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
    @DisplayName("interrupt and time-out at once: the interrupt is told, and nothing is left")
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
    @DisplayName("release, close, time-out and interrupt at once: a permit that was handed over stays with the waiter")
    void everythingAtOnce(boolean fair) throws Exception {
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
            // The permit was free but not yet taken: the close came first.
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
    @DisplayName("release, then close: handed over or failed, but not lost")
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
    @DisplayName("the head was told of a free permit and a newcomer took it: the next release tells the head again")
    void overtakenHeadIsSignalledAgain() throws Exception {
        hold(false, 1);
        Actor newcomer = cast.actor("newcomer");
        whileParked(
                () -> {
                    held.close();
                    held = newcomer.does(() -> locker.tryAcquire("k")).orElseThrow();
                },
                () -> {
                    // It has looked in vain, so that it must hear of the next one: no word to it may count as on its
                    // way.
                    assertThat(Cast.waiters(locker, "k")).isEqualTo(1);
                    assertThat(((Hold) held).entry().contended().head.signalled).isFalse();
                    held.close();
                });
        locker.acquire("k").close();
    }

    @Test
    @DisplayName("the head was told of a free permit and leaves by itself: the one behind it is told")
    void leavingHeadSignalsTheNextWaiter() throws Exception {
        hold(false, 1);
        Actor behind = cast.actor("behind");
        CompletableFuture<Permit> second = new CompletableFuture<>();
        whileParked(() -> {
            behind.begins(() -> second.complete(locker.acquire("k")));
            Cast.untilWaiters(locker, "k", 2);
            clock.advance(SECOND);
        });
        // The first leaves with a permit in sight of nobody; the release that follows must find the second.
        assertThat(locker.tryAcquire("k", SECOND)).isEmpty();
        held.close();
        Actor.result(second).close();
    }

    @Test
    @DisplayName(
            "the head was told of a free permit and somebody else takes it out of the queue: the one behind it is told")
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
    @DisplayName("a head that takes the free permit tells the one behind it of the next free one")
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
            // Taken past both, and given back before the head looks: it has been told once only.
            third.does(() -> locker.tryAcquire("k")).orElseThrow().close();
        });
        locker.acquire("k").close();
        Actor.result(second).close();
    }

    @Test
    @DisplayName("a cancelled future at the head: the thread behind it is told of the free permit")
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
    @DisplayName("threads and futures in turn behind one release: each is served by the one before")
    void mixedQueueIsServedInTurn() throws Exception {
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
