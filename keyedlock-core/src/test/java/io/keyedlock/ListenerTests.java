// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.keyedlock.KeyedLockerListener.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.logging.Filter;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The events of a listener, their times, and listeners that fail. */
@SuppressWarnings("LockNotBeforeTry") // the views are called step by step
class ListenerTests {

    private static final Duration SECOND = Duration.ofSeconds(1);

    @RegisterExtension
    final Cast cast = new Cast();

    private final ScriptedClock clock = new ScriptedClock();

    private final List<String> events = new CopyOnWriteArrayList<>();

    private final KeyedLockerListener recorder = new KeyedLockerListener() {
        @Override
        public void acquired(Object key, Duration waited) {
            events.add("acquired " + key + " " + waited);
        }

        @Override
        public void released(Object key, Duration held) {
            events.add("released " + key + " " + held);
        }

        @Override
        public void notAcquired(Object key, Outcome outcome, Duration waited) {
            events.add(outcome + " " + key + " " + waited);
        }
    };

    /** Settings without the scan, which would read the clock and stamp holds at any time. */
    private DefaultKeyedLocker<String> locker(KeyedLockerListener listener) {
        return DefaultKeyedLocker.create(
                KeyedLockerSettings.defaults()
                        .withMaxWaiters(2)
                        .withLongHold(Duration.ZERO)
                        .withDeadlockDetection(KeyedLockerSettings.DeadlockDetection.OFF),
                listener,
                clock);
    }

    private void expect(String... expected) {
        assertThat(events).containsExactly(expected);
        events.clear();
    }

    @Test
    @DisplayName("a grant without a wait, and the time it was held")
    void grantAndRelease() throws Exception {
        DefaultKeyedLocker<String> locker = locker(recorder);
        Permit permit = locker.acquire("k");
        expect("acquired k PT0S");
        clock.advance(SECOND);
        permit.close();
        permit.close();
        expect("released k PT1S");
        locker.tryAcquire("k").orElseThrow().close();
        expect("acquired k PT0S", "released k PT0.000000001S");
        locker.asLock("k").lock();
        locker.asLock("k").unlock();
        expect("acquired k PT0S", "released k PT0.000000001S");
        locker.acquireAsync("k").join().close();
        expect("acquired k PT0S", "released k PT0.000000001S");
    }

    @Test
    @DisplayName("a reentry is no event; closing the last permit of a thread is its release")
    void reentryIsNoEvent() throws Exception {
        DefaultKeyedLocker<String> locker = locker(recorder);
        Permit outer = locker.acquire("k");
        Permit inner = locker.acquire("k");
        locker.tryAcquire("k").orElseThrow().close();
        outer.close();
        expect("acquired k PT0S");
        clock.advance(SECOND);
        inner.close();
        expect("released k PT1S");
    }

    @Test
    @DisplayName("a grant after a wait, of a thread and of a future, has the time waited")
    void grantAfterAWait() throws Exception {
        DefaultKeyedLocker<String> locker = locker(recorder);
        Permit held = locker.acquireAsync("k").join();
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        events.clear();
        clock.script(
                Thread.currentThread(),
                () -> {
                    clock.advance(SECOND);
                    held.close();
                    expect("acquired k PT1S", "released k PT1S");
                },
                () -> {
                    clock.advance(SECOND);
                    future.join().close();
                });
        Permit mine = locker.acquire("k");
        expect("released k PT1S", "acquired k PT2S");
        mine.close();
    }

    @Test
    @DisplayName("each failure has its outcome")
    void eachFailureHasItsOutcome() throws Exception {
        DefaultKeyedLocker<String> locker = locker(recorder);
        Permit held = locker.acquireAsync("k").join();
        events.clear();
        locker.tryAcquire("k");
        expect("REJECTED k PT0S");
        locker.asLock("k").tryLock();
        expect("REJECTED k PT0S");
        locker.tryAcquire("k", Duration.ZERO);
        expect("TIMEOUT k PT0S");
        assertThatThrownBy(() -> locker.acquire("k", Duration.ZERO)).isInstanceOf(LockTimeoutException.class);
        expect("TIMEOUT k PT0S");
        locker.acquireAsync("k", Duration.ZERO);
        expect("TIMEOUT k PT0S");
        clock.script(Thread.currentThread(), () -> clock.advance(SECOND));
        locker.tryAcquire("k", SECOND);
        expect("TIMEOUT k PT1S");
        clock.script(Thread.currentThread(), () -> Thread.currentThread().interrupt());
        assertThatThrownBy(() -> locker.acquire("k")).isInstanceOf(InterruptedException.class);
        expect("INTERRUPTED k PT0S");
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> locker.acquire("free")).isInstanceOf(InterruptedException.class);
        expect("INTERRUPTED free PT0S");
        CompletableFuture<Permit> cancelled = locker.acquireAsync("k");
        clock.advance(SECOND);
        cancelled.cancel(true);
        cancelled.cancel(true);
        expect("CANCELLED k PT1S");
        Actor.failure(locker.acquireAsync("k", Duration.ofMillis(1)));
        expect("TIMEOUT k PT0S");
        locker.acquireAsync("k");
        locker.acquireAsync("k");
        locker.acquireAsync("k");
        expect("REJECTED k PT0S");
        locker.tryAcquire("k", SECOND);
        expect("REJECTED k PT0S");
        clock.advance(SECOND);
        locker.close();
        expect("CLOSED k PT1S", "CLOSED k PT1S");
        assertThatThrownBy(() -> locker.acquire("k")).isInstanceOf(KeyedLockerClosedException.class);
        expect("CLOSED k PT0S");
        held.close();
        expect("released k PT3S");
    }

    @Test
    @DisplayName("reentry of a non-reentrant locker is REJECTED, a rejection during a drain is CLOSED")
    void reentryAndDrainHaveOutcomes() throws Exception {
        KeyedLocker<String> strict =
                KeyedLocker.create(KeyedLockerSettings.defaults().withReentrant(false), recorder);
        Permit permit = strict.acquire("k");
        events.clear();
        assertThatThrownBy(() -> strict.acquire("k")).isInstanceOf(LockReentryException.class);
        expect("REJECTED k PT0S");
        permit.close();
        events.clear();
        strict.rejectNewCallers(List.of());
        assertThatThrownBy(() -> strict.tryAcquire("k")).isInstanceOf(KeyedLockerClosedException.class);
        expect("CLOSED k PT0S");
    }

    @Test
    @DisplayName("the listener is called outside all locks and may use the locker")
    void calledOutsideAllLocks() throws Exception {
        Actor other = cast.actor("other");
        List<KeyedLocker<Object>> asked = new CopyOnWriteArrayList<>();
        KeyedLocker<Object> locker = KeyedLocker.create(KeyedLockerSettings.defaults(), new KeyedLockerListener() {
            private void use(String event, Object key) {
                if (Thread.currentThread() == other.thread()) {
                    return;
                }
                other.does(() -> asked.get(0).snapshot());
                other.runs(() -> asked.get(0).tryAcquire(key).ifPresent(Permit::close));
                other.runs(() -> asked.get(0).acquireAsync(key, Duration.ZERO).thenAccept(Permit::close));
                events.add(event + " " + key);
            }

            @Override
            public void acquired(Object key, Duration waited) {
                use("acquired", key);
            }

            @Override
            public void released(Object key, Duration held) {
                use("released", key);
            }

            @Override
            public void notAcquired(Object key, Outcome outcome, Duration waited) {
                if (outcome == Outcome.CLOSED) {
                    events.add(outcome + " " + key + " "
                            + other.does(() -> asked.get(0).activeKeys()));
                }
            }
        });
        asked.add(locker);
        Permit permit = locker.acquire("k");
        permit.close();
        expect("acquired k", "released k");
        locker.acquireAsync("l").join().close();
        expect("acquired l", "released l");
        locker.acquireAsync("m").join();
        locker.acquireAsync("m");
        locker.close();
        expect("acquired m", "CLOSED m [m]");
    }

    @Test
    @DisplayName("a listener that throws, even an error, changes nothing")
    void throwingListenerChangesNothing() throws Exception {
        KeyedLockerListener bad = new KeyedLockerListener() {
            @Override
            public void acquired(Object key, Duration waited) {
                throw new IllegalStateException("thrown on purpose");
            }

            @Override
            public void released(Object key, Duration held) {
                throw new AssertionError("thrown on purpose");
            }

            @Override
            public void notAcquired(Object key, Outcome outcome, Duration waited) {
                throw new StackOverflowError();
            }
        };
        Logger logger = Logger.getLogger(KeyedLocker.class.getName());
        List<LogRecord> logged = new CopyOnWriteArrayList<>();
        Filter before = logger.getFilter();
        logger.setFilter(line -> {
            logged.add(line);
            return false;
        });
        try {
            useInEveryWay(locker(bad));
        } finally {
            logger.setFilter(before);
        }
        assertThat(logged)
                .hasSize(7)
                .allMatch(line -> line.getLevel().equals(Level.WARNING) && line.getThrown() != null)
                .anyMatch(line -> line.getMessage().contains("A listener failed in acquired"))
                .anyMatch(line -> line.getMessage().contains("A listener failed in released"))
                .anyMatch(line -> line.getMessage().contains("A listener failed in notAcquired"));
    }

    private void useInEveryWay(DefaultKeyedLocker<String> locker) throws Exception {
        Permit permit = locker.acquire("k");
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        assertThat(cast.actor("other").does(() -> locker.tryAcquire("k"))).isEmpty();
        permit.close();
        assertThat(future).isCompleted();
        CompletableFuture<Permit> cancelled = locker.acquireAsync("k");
        assertThat(cancelled.cancel(true)).isTrue();
        CompletableFuture<Permit> failed = locker.acquireAsync("k");
        locker.close();
        assertThat(failed).isCompletedExceptionally();
        future.join().close();
        assertThat(locker.activeKeyCount()).isZero();
    }

    @Test
    @DisplayName("one listener serves many lockers; forLocker is called once for each")
    void oneListenerServesManyLockers() throws Exception {
        List<String> asked = new CopyOnWriteArrayList<>();
        KeyedLockerListener many = new KeyedLockerListener() {
            @Override
            public KeyedLockerListener forLocker(String lockName) {
                asked.add(lockName);
                return new KeyedLockerListener() {
                    @Override
                    public void acquired(Object key, Duration waited) {
                        events.add(lockName + " " + key);
                    }
                };
            }
        };
        KeyedLocker<String> a =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("a"), many);
        KeyedLocker<String> b =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("b"), many);
        a.acquire("1").close();
        b.acquire("2").close();
        a.acquire("3").close();
        expect("a 1", "b 2", "a 3");
        assertThat(asked).containsExactly("a", "b");
    }

    /** A listener that needs the times of some holds. */
    private static KeyedLockerListener timing(KeyedLockerListener.HoldTiming timing, Consumer<Duration> released) {
        return new KeyedLockerListener() {
            @Override
            public HoldTiming holdTiming() {
                return timing;
            }

            @Override
            public void released(Object key, Duration held) {
                released.accept(held);
            }
        };
    }

    @Test
    @DisplayName("a listener that samples receives the time of one hold in 16 at random, and zero of all others")
    void sampledHoldsAreTimed() throws Exception {
        List<Duration> timed = new ArrayList<>();
        AtomicInteger released = new AtomicInteger();
        DefaultKeyedLocker<String> locker = locker(timing(KeyedLockerListener.HoldTiming.SAMPLED, held -> {
            released.incrementAndGet();
            if (!held.isZero()) {
                timed.add(held);
            }
        }));
        for (int i = 0; i < 16_000; i++) {
            // Holds that alternate: a sample of every 16th would see only one kind.
            Permit permit = locker.acquire("k");
            clock.advance(i % 2 == 0 ? SECOND : SECOND.multipliedBy(3));
            permit.close();
        }
        assertThat(released).hasValue(16_000);
        assertThat(timed).hasSizeBetween(800, 1200).containsOnly(Duration.ofSeconds(1), Duration.ofSeconds(3));
        assertThat(timed).filteredOn(held -> held.toSeconds() == 1).hasSizeBetween(350, 650);
    }

    @Test
    @DisplayName("if another listener needs the time of each hold, a listener that samples receives it, too")
    void exactTimingWins() throws Exception {
        List<Duration> sampled = new ArrayList<>();
        DefaultKeyedLocker<String> locker = locker(timing(KeyedLockerListener.HoldTiming.SAMPLED, sampled::add));
        locker.addListener(new KeyedLockerListener() {});
        for (int i = 0; i < 100; i++) {
            Permit permit = locker.acquire("k");
            clock.advance(SECOND);
            permit.close();
        }
        assertThat(sampled).hasSize(100).containsOnly(Duration.ofSeconds(1));
    }

    @Test
    @DisplayName("a listener that does not time holds reads no clock and receives zero")
    void untimedHoldsReadNoClock() throws Exception {
        DefaultKeyedLocker<String> locker =
                locker(timing(KeyedLockerListener.HoldTiming.OFF, held -> events.add("released " + held)));
        Permit permit = locker.acquire("k");
        clock.advance(SECOND);
        permit.close();
        expect("released PT0S");
        assertThat(clock.readings).hasValue(0);
    }

    @Test
    @DisplayName("with a listener that times holds a holder's age is exact from the start")
    void timedHoldsHaveExactAges() throws Exception {
        DefaultKeyedLocker<String> locker = locker(recorder);
        locker.acquire("k");
        clock.advance(SECOND);
        assertThat(locker.snapshot("k").orElseThrow().holders().get(0).age()).isEqualTo(SECOND);
        assertThat(locker.overview(1).keys().get(0).longestHold()).isEqualTo(SECOND);
    }

    @Test
    @DisplayName("multiple keys are reported one by one")
    void multipleKeysAreReportedOneByOne() throws Exception {
        DefaultKeyedLocker<String> locker = locker(recorder);
        locker.acquireAll(List.of("k")).close();
        expect("acquired k PT0S", "released k PT0.000000001S");
    }

    @Test
    @DisplayName("a wait is reported when it begins, with the waiters ahead, and once when it ends, after its outcome")
    void waitIsReportedWhenItBeginsAndEnds() throws Exception {
        DefaultKeyedLocker<String> locker = DefaultKeyedLocker.create(
                KeyedLockerSettings.defaults().withMaxWaiters(2),
                new KeyedLockerListener() {
                    @Override
                    public Wait waiting(Object key, int ahead) {
                        events.add("waiting " + key + " behind " + ahead);
                        return (failure, waited) -> events.add("ended " + failure + " " + waited);
                    }

                    @Override
                    public void acquired(Object key, Duration waited) {
                        events.add("acquired");
                    }

                    @Override
                    public void notAcquired(Object key, Outcome outcome, Duration waited) {
                        events.add(outcome.toString());
                    }
                },
                clock);
        Permit held = locker.acquire("k");
        locker.tryAcquire("k").orElseThrow().close();
        expect("acquired");
        CompletableFuture<Permit> first = locker.acquireAsync("k");
        CompletableFuture<Permit> second = locker.acquireAsync("k");
        expect("waiting k behind 0", "waiting k behind 1");
        locker.acquireAsync("k");
        locker.acquireAsync("k", Duration.ZERO);
        expect("REJECTED", "TIMEOUT");
        clock.advance(SECOND);
        second.cancel(true);
        second.cancel(true);
        expect("CANCELLED", "ended CANCELLED PT1S");
        held.close();
        expect("acquired", "ended null PT1S");
        clock.script(Thread.currentThread(), () -> clock.advance(SECOND));
        assertThat(locker.tryAcquire("k", SECOND)).isEmpty();
        expect("waiting k behind 0", "TIMEOUT", "ended TIMEOUT PT1S");
        clock.script(Thread.currentThread(), () -> Thread.currentThread().interrupt());
        assertThatThrownBy(() -> locker.acquire("k")).isInstanceOf(InterruptedException.class);
        expect("waiting k behind 0", "INTERRUPTED", "ended INTERRUPTED PT0S");
        clock.script(Thread.currentThread(), () -> first.join().close());
        locker.acquire("k");
        expect("waiting k behind 0", "acquired", "ended null PT0S");
        locker.acquireAsync("k");
        locker.close();
        expect("waiting k behind 0", "CLOSED", "ended CLOSED PT0S");
    }

    @Test
    @DisplayName("a wait that ends while its beginning is being reported is reported as ended once")
    void waitThatEndsWhileItsBeginningIsReported() {
        List<Permit> held = new CopyOnWriteArrayList<>();
        KeyedLocker<String> locker = KeyedLocker.create(KeyedLockerSettings.defaults(), new KeyedLockerListener() {
            @Override
            public Wait waiting(Object key, int ahead) {
                held.get(0).close();
                return (failure, waited) -> events.add("ended " + failure);
            }
        });
        held.add(locker.acquireAsync("k").join());
        CompletableFuture<Permit> future = locker.acquireAsync("k");
        assertThat(future).isCompleted();
        expect("ended null");
    }

    @Test
    @DisplayName("an added listener receives later events, after earlier listeners, without unmeasured times")
    void addedListener() throws Exception {
        DefaultKeyedLocker<String> locker = locker(null);
        Permit begunBefore = locker.acquire("k");
        Permit seenBefore = locker.acquire("seen");
        locker.snapshot("seen");
        CompletableFuture<Permit> waiting = locker.acquireAsync("k");
        clock.advance(SECOND);
        locker.addListener(recorder);
        expect();
        begunBefore.close();
        expect("acquired k PT1S", "released k PT0S");
        seenBefore.close();
        expect("released seen PT1S");
        clock.advance(SECOND);
        waiting.join().close();
        expect("released k PT1S");
        locker.addListener(new KeyedLockerListener() {
            @Override
            public KeyedLockerListener forLocker(String lockName) {
                return new KeyedLockerListener() {
                    @Override
                    public HoldTiming holdTiming() {
                        return HoldTiming.OFF;
                    }

                    @Override
                    public void acquired(Object key, Duration waited) {
                        events.add("second of " + lockName + " acquired " + key);
                        throw new IllegalStateException("the second");
                    }

                    @Override
                    public void released(Object key, Duration held) {
                        events.add("second of " + lockName + " released " + key + " " + held);
                    }
                };
            }
        });
        locker.addListener(new KeyedLockerListener() {
            @Override
            public void acquired(Object key, Duration waited) {
                events.add("third acquired " + key);
            }
        });
        Permit permit = locker.acquire("k");
        expect("acquired k PT0S", "second of default acquired k", "third acquired k");
        clock.advance(SECOND);
        permit.close();
        expect("released k PT1S", "second of default released k PT0S");
    }

    @Test
    @DisplayName("adding a registered listener again has no effect, also concurrently")
    void addedTwice() throws Exception {
        DefaultKeyedLocker<String> locker = locker(recorder);
        locker.addListener(recorder);
        List<KeyedLockerListener> others = Stream.generate(() -> new KeyedLockerListener() {
                    @Override
                    public void released(Object key, Duration held) {
                        events.add("another");
                    }
                })
                .<KeyedLockerListener>map(one -> one)
                .limit(50)
                .toList();
        List<Actor> actors = List.of(cast.actor("a"), cast.actor("b"), cast.actor("c"));
        List<Future<Object>> adding = actors.stream()
                .map(actor -> actor.begins(() -> {
                    others.forEach(locker::addListener);
                    return null;
                }))
                .toList();
        adding.forEach(Actor::result);
        locker.acquire("k").close();
        assertThat(events).hasSize(52).startsWith("acquired k PT0S", "released k PT0.000000001S");
        assertThatThrownBy(() -> locker.addListener(null)).isInstanceOf(NullPointerException.class);
    }

    @Test
    void timeOutOfAFutureIsNotReportedOnTheTimersThread() throws Exception {
        CompletableFuture<String> teller = new CompletableFuture<>();
        KeyedLocker<String> timed = KeyedLocker.create(KeyedLockerSettings.defaults(), new KeyedLockerListener() {
            @Override
            public void notAcquired(Object key, Outcome outcome, Duration waited) {
                teller.complete(Thread.currentThread().getName());
            }
        });
        Permit held = timed.acquire("k");
        timed.acquireAsync("k", Duration.ofMillis(1));
        assertThat(teller.get(1, TimeUnit.MINUTES)).doesNotStartWith("keyedlock-timer");
        held.close();
    }
}
