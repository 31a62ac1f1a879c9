// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static io.keyedlock.OtherThread.until;
import static io.keyedlock.OtherThread.waiters;
import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLockerSettings.DeadlockDetection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Scenes of threads that wait for each other. The clock of the lockers is fixed an hour ahead, so that no
 * background scan finds a long wait; the tests call the search with a time at which all waits are long.
 */
abstract class DeadlockScenes {

    private static final Duration LONG = Duration.ofDays(1);

    private static final long SUSPICIOUS = Duration.ofSeconds(1).toNanos();

    private final AtomicLong time =
            new AtomicLong(System.nanoTime() + Duration.ofHours(1).toNanos());

    private final Clock clock = new Clock() {
        @Override
        long nanoTime() {
            return time.get();
        }
    };

    private final List<KeyedLocker<?>> lockers = new ArrayList<>();

    private final List<OtherThread<String>> parties = new ArrayList<>();

    private final List<String> outcomes = new CopyOnWriteArrayList<>();

    private record Suspicion(Object key, String description, List<List<StackTraceElement>> stacks) {}

    private final List<Suspicion> suspected = new CopyOnWriteArrayList<>();

    /** Opened when every party holds its key; then each acquires the other key. */
    private CountDownLatch goes = new CountDownLatch(1);

    /** The conditions that hold once all parties wait. */
    private final List<BooleanSupplier> expected = new ArrayList<>();

    abstract ThreadFactory threads();

    private KeyedLocker<String> locker(String name) {
        return locker(KeyedLockerSettings.defaults().withName(name));
    }

    private KeyedLocker<String> locker(KeyedLockerSettings settings) {
        KeyedLocker<String> locker = DefaultKeyedLocker.create(
                settings,
                new KeyedLockerListener() {
                    @Override
                    public void notAcquired(Object key, Outcome outcome, Duration waited) {
                        outcomes.add(outcome + " " + key);
                    }

                    @Override
                    public void suspectedDeadlock(
                            Object key, String description, List<List<StackTraceElement>> stacks) {
                        suspected.add(new Suspicion(key, description, stacks));
                    }
                },
                clock);
        lockers.add(locker);
        return locker;
    }

    /** A thread that holds a key and acquires another. */
    private OtherThread<String> party(String name, Callable<Permit> has, KeyedLocker<String> of, String wanted) {
        return party(name, has, of, wanted, () -> of.acquire(wanted));
    }

    private OtherThread<String> party(
            String name, Callable<Permit> has, KeyedLocker<String> of, String wanted, Callable<Permit> wants) {
        int ahead = waiters(of, wanted);
        CountDownLatch holds = new CountDownLatch(1);
        CountDownLatch others = goes;
        OtherThread<String> party = OtherThread.calls(
                task -> {
                    Thread thread = threads().newThread(task);
                    thread.setName(name);
                    return thread;
                },
                () -> {
                    Permit held = has.call();
                    holds.countDown();
                    try {
                        others.await();
                        Permit second = wants.call();
                        if (second != null) {
                            second.close();
                        }
                        return "done";
                    } catch (LockDeadlockException e) {
                        return String.valueOf(e.getMessage());
                    } catch (KeyedLockerClosedException e) {
                        return "closed";
                    } finally {
                        held.close();
                    }
                });
        parties.add(party);
        await(holds);
        expected.add(() -> waiters(of, wanted) >= ahead + 1);
        return party;
    }

    /** Lets all parties acquire their second key, and returns once all of them wait. */
    private void goOn() {
        goes.countDown();
        goes = new CountDownLatch(1);
        expected.forEach(OtherThread::until);
        until(() -> parties.stream().filter(p -> !p.isDone()).allMatch(p -> isParkedAsWaiter(p.thread)));
        expected.clear();
        time.addAndGet(1);
    }

    private static boolean isParkedAsWaiter(Thread thread) {
        return LockSupport.getBlocker(thread) instanceof Waiter;
    }

    private long waitersInAll() {
        return lockers.stream().mapToLong(l -> l.overview(0).waiters()).sum();
    }

    private static void await(CountDownLatch latch) {
        until(() -> latch.getCount() == 0);
    }

    private int search() {
        return new DeadlockSearch(time.get() + SUSPICIOUS).run();
    }

    private static Permit nothing() {
        return () -> {};
    }

    private List<String> failed() {
        return parties.stream()
                .filter(OtherThread::isDone)
                .map(OtherThread::result)
                .filter(r -> r.startsWith("deadlock"))
                .toList();
    }

    private void allEnd(int victims) {
        parties.forEach(OtherThread::result);
        assertThat(failed()).hasSize(victims);
        assertThat(parties).filteredOn(p -> p.result().equals("done")).hasSize(parties.size() - victims);
        lockers.forEach(l -> assertThat(l.activeKeyCount()).isZero());
    }

    private void nobodyIsFound() {
        assertThat(search()).isZero();
        assertThat(failed()).isEmpty();
    }

    @AfterEach
    void endTheScene() {
        lockers.forEach(KeyedLocker::close);
        goes.countDown();
        parties.forEach(OtherThread::result);
    }

    // ---- cycles that are found

    @Test
    void twoThreadsInACycleAreFoundAndOneFails() {
        KeyedLocker<String> locker = locker("orders");
        party("A", () -> locker.acquire("a"), locker, "b");
        party("B", () -> locker.acquire("b"), locker, "a");
        goOn();
        assertThat(search()).isOne();
        allEnd(1);
        assertThat(outcomes).hasSize(1).first().asString().startsWith("DEADLOCK ");
        assertThat(search()).isZero();
    }

    @Test
    void cycleAcrossLockersIsFound() {
        KeyedLocker<String> orders = locker("orders");
        KeyedLocker<String> stock = locker("stock");
        KeyedLocker<String> bills = locker("bills");
        party("A", () -> orders.acquire("1"), stock, "1");
        party("B", () -> stock.acquire("1"), bills, "1");
        party("C", () -> bills.acquire("1"), orders, "1");
        goOn();
        assertThat(search()).isOne();
        allEnd(1);
    }

    @Test
    void ringOfManyHasOneVictim() {
        KeyedLocker<String> locker = locker("orders");
        for (int i = 0; i < 8; i++) {
            int me = i;
            party("T" + i, () -> locker.acquire("" + me), locker, "" + (i + 1) % 8);
        }
        goOn();
        assertThat(search()).isOne();
        allEnd(1);
    }

    @Test
    void eachOfTwoCyclesHasAVictim() {
        KeyedLocker<String> locker = locker("orders");
        party("A", () -> locker.acquire("a"), locker, "b");
        party("B", () -> locker.acquire("b"), locker, "a");
        party("C", () -> locker.acquire("c"), locker, "d");
        party("D", () -> locker.acquire("d"), locker, "c");
        goOn();
        assertThat(search()).isEqualTo(2);
        allEnd(2);
        assertThat(failed()).allMatch(m -> m.contains("'A'") == m.contains("'B'"));
    }

    @Test
    void theLastWaiterIsTheVictim() {
        KeyedLocker<String> locker = locker("orders");
        // A permit is always held, as a scan that stops between the rounds removes the locker from the search.
        Permit awake = locker.acquireAsync("awake").join();
        for (String victim : List.of("C", "D")) {
            String other = victim.equals("C") ? "D" : "C";
            CountDownLatch now = new CountDownLatch(1);
            OtherThread<String> early = party(other, () -> locker.acquire(other), locker, victim);
            OtherThread<String> late = party(victim, () -> locker.acquire(victim), locker, other, () -> {
                now.await();
                return locker.acquire(other);
            });
            goes.countDown();
            until(() -> waiters(locker, victim) == 1);
            time.addAndGet(1_000);
            now.countDown();
            goOn();
            assertThat(search()).isOne();
            assertThat(late.result()).startsWith("deadlock");
            assertThat(early.result()).isEqualTo("done");
        }
        awake.close();
    }

    @Test
    void lockOfAViewIsPartOfACycle() {
        KeyedLocker<String> locker = locker("orders");
        party("A", () -> viewed(locker, "a"), locker, "b", () -> viewed(locker, "b"));
        party("B", () -> viewed(locker, "b"), locker, "a", () -> viewed(locker, "a"));
        goOn();
        assertThat(search()).isOne();
        allEnd(1);
    }

    private static Permit viewed(KeyedLocker<String> locker, String key) {
        locker.asLock(key).lock();
        return () -> locker.asLock(key).unlock();
    }

    @Test
    void multipleKeysAcquiredWhileHoldingAnotherArePartOfACycle() {
        KeyedLocker<String> locker = locker("orders");
        party("A", () -> locker.acquire("a"), locker, "c", () -> locker.acquireAll(List.of("b", "c", "d")));
        party("B", () -> locker.acquire("c"), locker, "a", () -> locker.acquireAll(List.of("a", "e")));
        goOn();
        assertThat(search()).isOne();
        allEnd(1);
    }

    @Test
    void keysAcquiredTogetherAndThenCrossedArePartOfACycle() {
        KeyedLocker<String> locker = locker("orders");
        party("A", () -> locker.acquireAll(List.of("a", "b")), locker, "c");
        party("B", () -> locker.acquireAll(List.of("c", "d")), locker, "b");
        goOn();
        assertThat(search()).isOne();
        allEnd(1);
    }

    @Test
    void reenteredHoldIsPartOfACycle() {
        KeyedLocker<String> locker = locker("orders");
        party("A", () -> twice(locker, "a"), locker, "b");
        party("B", () -> twice(locker, "b"), locker, "a");
        goOn();
        assertThat(search()).isOne();
        allEnd(1);
    }

    private static Permit twice(KeyedLocker<String> locker, String key) throws InterruptedException {
        Permit outer = locker.acquire(key);
        Permit inner = locker.acquire(key);
        outer.close();
        return inner;
    }

    @Test
    void taskThatRunsUnderItsKeyIsPartOfACycle() {
        KeyedLocker<String> locker = locker("orders");
        CountDownLatch runs = new CountDownLatch(1);
        CountDownLatch now = new CountDownLatch(1);
        AtomicReference<Thread> thread = new AtomicReference<>();
        var task = locker.supplyAsync(
                "a",
                () -> {
                    thread.set(Thread.currentThread());
                    runs.countDown();
                    try {
                        now.await();
                        locker.acquire("b").close();
                        return "done";
                    } catch (LockDeadlockException e) {
                        return "deadlock";
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                },
                body -> threads().newThread(body).start());
        await(runs);
        OtherThread<String> other = party("B", () -> locker.acquire("b"), locker, "a");
        goes.countDown();
        now.countDown();
        until(() -> isParkedAsWaiter(thread.get()) && isParkedAsWaiter(other.thread));
        assertThat(search()).isOne();
        assertThat(List.of(task.join(), other.result().substring(0, 4))).containsAnyOf("deadlock", "dead");
        assertThat(List.of(task.join(), other.result())).contains("done");
        goes = new CountDownLatch(1);
    }

    @Test
    void timedWaitsAndTriesArePartOfACycleAndOneFailsAtOnce() {
        KeyedLocker<String> locker = locker("orders");
        party("A", () -> locker.acquire("a"), locker, "b", () -> locker.acquire("b", LONG));
        party("B", () -> locker.acquire("b"), locker, "a", () -> locker.acquire("a", LONG));
        party(
                "C",
                () -> locker.acquire("c"),
                locker,
                "d",
                () -> locker.tryAcquire("d", LONG).orElseThrow());
        party(
                "D",
                () -> locker.acquire("d"),
                locker,
                "c",
                () -> locker.tryAcquire("c", LONG).orElseThrow());
        goOn();
        assertThat(search()).isEqualTo(2);
        allEnd(2);
    }

    // ---- limits above one

    @Test
    void waiterOfARunningHolderIsNotDeadlocked() {
        KeyedLocker<String> pair = locker(KeyedLockerSettings.defaults().withLimit(2));
        Permit working = pair.acquireAsync("x").join();
        party("A", () -> pair.acquire("a1"), pair, "x");
        Permit a = pair.acquireAsync("a1").join();
        party("B", () -> pair.acquire("x"), pair, "a1");
        goOn();
        nobodyIsFound();
        working.close();
        assertThat(parties.get(0).result()).isEqualTo("done");
        a.close();
        allEnd(0);
    }

    @Test
    void oneRunningHolderPreventsADeadlock() {
        KeyedLocker<String> pair = locker(KeyedLockerSettings.defaults().withLimit(2));
        KeyedLocker<String> single = locker("single");
        CountDownLatch end = new CountDownLatch(1);
        OtherThread<String> live = OtherThread.calls(threads(), () -> {
            Permit permit = pair.acquire("x");
            await(end);
            permit.close();
            return "done";
        });
        until(() -> OtherThread.holders(pair, "x") == 1);
        party("A", () -> pair.acquire("x"), single, "s");
        party("B", () -> single.acquire("s"), pair, "x");
        goOn();
        nobodyIsFound();
        end.countDown();
        assertThat(live.result()).isEqualTo("done");
        allEnd(0);
    }

    @Test
    void waiterOfDeadlockedHoldersIsDeadlocked() {
        KeyedLocker<String> pair = locker(KeyedLockerSettings.defaults().withLimit(2));
        KeyedLocker<String> single = locker("single");
        party("A", () -> pair.acquire("x"), single, "s");
        party("B", () -> pair.acquire("x"), single, "s");
        party("C", () -> single.acquire("s"), pair, "x");
        goOn();
        assertThat(search()).isOne();
        allEnd(1);
    }

    // ---- possible deadlocks, which are only reported

    @Test
    void futureThatWaitsForItsBlockedCallerIsReportedOnce() {
        KeyedLocker<String> locker = locker("orders");
        OtherThread<String> asks = blockedOnAFuture("A", locker, "a", "a");
        List<String> logged = logged(() -> {
            nobodyIsFound();
            nobodyIsFound();
            until(() -> suspected.size() == 1);
        });
        assertThat(logged).hasSize(1);
        assertThat(logged.get(0))
                .startsWith(
                        "possible deadlock of 1 thread: thread 'A' is blocked after it requested a future of orders, "
                                + "key a, held by thread 'A'")
                .contains("blockedOnAFuture");
        assertThat(suspected).singleElement().satisfies(suspicion -> {
            assertThat(suspicion.key()).isEqualTo("a");
            assertThat(logged.get(0)).startsWith(suspicion.description());
            assertThat(suspicion.stacks()).hasSize(1);
        });
        asks.thread.interrupt();
        assertThat(asks.result()).isEqualTo("interrupted");
    }

    @Test
    void cycleOfAFutureAndAWaitIsReportedWithTheStacksOfBothThreads() {
        KeyedLocker<String> locker = locker("orders");
        party("B", () -> locker.acquire("b"), locker, "a");
        OtherThread<String> asks = blockedOnAFuture("A", locker, "a", "b");
        goOn();
        logged(() -> {
            nobodyIsFound();
            until(() -> suspected.size() == 1);
        });
        assertThat(suspected.get(0).description()).contains("of 2 threads", "'A' is blocked", "'B' waits for");
        assertThat(suspected.get(0).stacks()).hasSize(2);
        asks.thread.interrupt();
        assertThat(asks.result()).isEqualTo("interrupted");
        allEnd(0);
    }

    @Test
    void futureThatWaitsForARunningThreadIsNotReported() {
        KeyedLocker<String> locker = locker("orders");
        CountDownLatch end = new CountDownLatch(1);
        OtherThread<String> working = OtherThread.calls(threads(), () -> {
            Permit permit = locker.acquire("b");
            await(end);
            permit.close();
            return "done";
        });
        until(() -> locker.isActive("b"));
        OtherThread<String> asks = blockedOnAFuture("A", locker, "a", "b");
        assertThat(logged(this::nobodyIsFound)).isEmpty();
        end.countDown();
        assertThat(working.result()).isEqualTo("done");
        assertThat(asks.result()).isEqualTo("done");
        assertThat(suspected).isEmpty();
    }

    /** A thread that holds one key and blocks on the future of another until it is interrupted. */
    private OtherThread<String> blockedOnAFuture(String name, KeyedLocker<String> locker, String has, String wants) {
        int ahead = waiters(locker, wants);
        OtherThread<String> asks = OtherThread.calls(
                task -> {
                    Thread thread = threads().newThread(task);
                    thread.setName(name);
                    return thread;
                },
                () -> {
                    try (Permit permit = locker.acquire(has)) {
                        var future = locker.acquireAsync(wants);
                        try {
                            future.get().close();
                            return permit == null ? "never" : "done";
                        } catch (InterruptedException e) {
                            future.cancel(false);
                            return "interrupted";
                        }
                    }
                });
        until(() -> waiters(locker, wants) == ahead + 1 && LockSupport.getBlocker(asks.thread) != null);
        time.addAndGet(1);
        return asks;
    }

    // ---- no deadlock

    @Test
    void longWaitForARunningThreadIsNoDeadlock() {
        KeyedLocker<String> locker = locker("orders");
        CountDownLatch end = new CountDownLatch(1);
        OtherThread<String> working = OtherThread.calls(threads(), () -> {
            Permit permit = locker.acquire("w");
            await(end);
            permit.close();
            return "done";
        });
        until(() -> locker.isActive("w"));
        party("A", () -> locker.acquire("a"), locker, "w");
        party("B", () -> locker.acquire("b"), locker, "a");
        party("C", () -> locker.acquire("c"), locker, "b");
        goOn();
        assertThat(new DeadlockSearch(time.get() + LONG.toNanos()).run()).isZero();
        end.countDown();
        assertThat(working.result()).isEqualTo("done");
        allEnd(0);
    }

    @Test
    void futuresThatWaitAndPermitsThatNoThreadOwnsAreNeverPartOfACycle() {
        KeyedLocker<String> locker = locker("orders");
        Permit handedOn = locker.acquireAsync("b").join();
        party("A", () -> locker.acquire("a"), locker, "b");
        // Holds the permit of a future, which any thread may close.
        party("B", () -> handedOn, locker, "a");
        goOn();
        nobodyIsFound();
        handedOn.close();
        allEnd(0);
    }

    @Test
    void aFutureInTheQueueIsNotAWaitingThread() {
        KeyedLocker<String> locker = locker("orders");
        party("B", () -> locker.acquire("b"), locker, "a");
        CountDownLatch end = new CountDownLatch(1);
        OtherThread<String> asks = OtherThread.calls(threads(), () -> {
            Permit a = locker.acquire("a");
            locker.acquireAsync("b").thenAccept(Permit::close);
            await(end);
            a.close();
            return "done";
        });
        until(() -> waiters(locker, "b") == 1);
        goOn();
        nobodyIsFound();
        end.countDown();
        assertThat(asks.result()).isEqualTo("done");
        allEnd(0);
    }

    @Test
    void shortWaitIsNotSearched() {
        KeyedLocker<String> locker = locker("orders");
        party("A", () -> locker.acquire("a"), locker, "b");
        party("B", () -> locker.acquire("b"), locker, "a");
        goOn();
        assertThat(new DeadlockSearch(time.get() + Duration.ofMillis(400).toNanos()).run())
                .isZero();
        assertThat(failed()).isEmpty();
        assertThat(search()).isOne();
        allEnd(1);
    }

    /** They wait last, so they would be the victims if they were in the cycle. */
    @Test
    void waiterOutsideTheCycleIsNotFailed() {
        KeyedLocker<String> locker = locker("orders");
        party("A", () -> locker.acquire("a"), locker, "b");
        party("B", () -> locker.acquire("b"), locker, "a");
        goOn();
        party("W", () -> locker.acquire("w"), locker, "b");
        party("V", DeadlockScenes::nothing, locker, "w");
        goOn();
        assertThat(search()).isOne();
        allEnd(1);
        assertThat(failed())
                .first()
                .asString()
                .contains("of 2 threads", "'A'", "'B'")
                .doesNotContain("'W'", "'V'");
    }

    // ---- settings

    @Test
    void reportIsLoggedOnceAndFailsNobody() {
        KeyedLocker<String> locker = locker(
                KeyedLockerSettings.defaults().withName("orders").withDeadlockDetection(DeadlockDetection.REPORT));
        party("A", () -> locker.acquire("a"), locker, "b");
        party("B", () -> locker.acquire("b"), locker, "a");
        goOn();
        List<String> logged = logged(1, () -> {
            assertThat(search()).isOne();
            assertThat(search()).isOne();
        });
        assertThat(logged).hasSize(1).first().asString().contains("deadlock of 2 threads", "'A'", "'B'", "orders");
        assertThat(failed()).isEmpty();
        assertThat(waitersInAll()).isEqualTo(2);
    }

    @Test
    void nothingIsFoundOrFailedWhenSwitchedOff() {
        KeyedLocker<String> locker =
                locker(KeyedLockerSettings.defaults().withDeadlockDetection(DeadlockDetection.OFF));
        party("A", () -> locker.acquire("a"), locker, "b");
        party("B", () -> locker.acquire("b"), locker, "a");
        goOn();
        assertThat(logged(this::nobodyIsFound)).isEmpty();
        assertThat(waitersInAll()).isEqualTo(2);
    }

    @Test
    void victimIsAWaiterThatMayFail() {
        KeyedLocker<String> report = locker(
                KeyedLockerSettings.defaults().withName("report").withDeadlockDetection(DeadlockDetection.REPORT));
        KeyedLocker<String> fail = locker("fail");
        OtherThread<String> mayFail = party("A", () -> report.acquire("1"), fail, "1");
        party("B", () -> fail.acquire("1"), report, "1");
        goOn();
        assertThat(logged(() -> assertThat(search()).isOne())).isEmpty();
        assertThat(mayFail.result()).startsWith("deadlock");
        allEnd(1);
    }

    // ---- messages

    @Test
    void messageNamesThreadsLockersAndKeys() {
        KeyedLocker<String> orders = locker("orders");
        KeyedLocker<String> stock = locker("stock");
        party("packer", () -> orders.acquire("42"), stock, "screws");
        party("buyer", () -> stock.acquire("screws"), orders, "42");
        goOn();
        search();
        allEnd(1);
        assertThat(failed())
                .first()
                .asString()
                .contains(
                        "deadlock of 2 threads",
                        "thread 'packer' waits for stock, key screws, held by thread 'buyer'",
                        "thread 'buyer' waits for orders, key 42, held by thread 'packer'");
    }

    @Test
    void messageRedactsKeys() {
        KeyedLocker<String> locker =
                locker(KeyedLockerSettings.defaults().withName("orders").withShowKeys(false));
        party("A", () -> locker.acquire("secret1"), locker, "secret2");
        party("B", () -> locker.acquire("secret2"), locker, "secret1");
        goOn();
        search();
        allEnd(1);
        assertThat(failed()).first().asString().contains("'A'", "'B'", "orders").doesNotContain("secret");
    }

    @Test
    void messageOfAVeryLongCycleIsCut() {
        KeyedLocker<String> locker = locker("orders");
        for (int i = 0; i < 20; i++) {
            int me = i;
            party("T" + i, () -> locker.acquire("" + me), locker, "" + (me + 1) % 20);
        }
        goOn();
        search();
        allEnd(1);
        assertThat(failed())
                .first()
                .asString()
                .contains("deadlock of 20 threads", "; 4 more")
                .containsPattern("(waits for .*){16}")
                .doesNotContainPattern("(waits for .*){17}");
    }

    private static List<String> logged(Runnable action) {
        return logged(0, action);
    }

    /** Returns the log messages of an action, waiting for the given number of them. */
    private static List<String> logged(int messagesAtLeast, Runnable action) {
        List<String> messages = new CopyOnWriteArrayList<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord entry) {
                messages.add(entry.getMessage());
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Logger logger = Logger.getLogger(KeyedLocker.class.getName());
        logger.addHandler(handler);
        logger.setUseParentHandlers(false);
        try {
            action.run();
            until(() -> messages.size() >= messagesAtLeast);
        } finally {
            logger.removeHandler(handler);
            logger.setUseParentHandlers(true);
        }
        return messages;
    }
}
