// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static io.keyedlock.OtherThread.until;
import static io.keyedlock.OtherThread.waiters;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Flight Recorder events of waits. */
class WaitEventTests {

    private static final KeyedLockerSettings SETTINGS =
            KeyedLockerSettings.defaults().withName("orders").withFair(true);

    @TempDir
    Path directory;

    @BeforeAll
    static void initialize() {
        // The first scan in this JVM may not have begun.
        WaitEvent.initialize();
    }

    private interface Action {
        void run() throws Exception;
    }

    private List<RecordedEvent> recorded(Action action) throws Exception {
        Path file = directory.resolve("waits.jfr");
        try (Recording recording = new Recording()) {
            recording.enable("keyedlock.Wait").withoutThreshold();
            recording.start();
            action.run();
            recording.stop();
            recording.dump(file);
        }
        return events(file);
    }

    private static List<RecordedEvent> events(Path file) throws IOException {
        List<RecordedEvent> events = new ArrayList<>();
        for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
            if (event.getEventType().getName().equals("keyedlock.Wait")) {
                events.add(event);
            }
        }
        Files.delete(file);
        return events;
    }

    /** Starts a wait for a held key and then ends it by an action. */
    private static OtherThread<Boolean> waiter(KeyedLocker<String> locker, Callable<Permit> wait) {
        return OtherThread.waitsFor(locker, "42", 0, () -> {
            try {
                Permit permit = wait.call();
                permit.close();
                return true;
            } catch (InterruptedException | RuntimeException e) {
                return false;
            }
        });
    }

    @Test
    void eventHasLockerKeyWaitersAheadOutcomeDurationAndThread() throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create(SETTINGS);
        List<String> threads = new ArrayList<>();
        List<RecordedEvent> events = recorded(() -> {
            Permit held = locker.acquireAsync("42").join();
            OtherThread<Boolean> first = waiter(locker, () -> locker.acquire("42"));
            OtherThread<Boolean> second = OtherThread.waitsFor(locker, "42", 1, () -> {
                locker.acquire("42").close();
                return true;
            });
            threads.add(first.thread.getName());
            threads.add(second.thread.getName());
            held.close();
            assertThat(first.result()).isTrue();
            assertThat(second.result()).isTrue();
        });
        assertThat(events)
                .extracting(
                        e -> e.getString("locker"),
                        e -> e.getString("key"),
                        e -> e.getInt("waitersAhead"),
                        e -> e.getString("outcome"),
                        e -> e.getThread().getJavaName())
                .containsExactlyInAnyOrder(
                        tuple("orders", "42", 0, "ACQUIRED", threads.get(0)),
                        tuple("orders", "42", 1, "ACQUIRED", threads.get(1)));
        assertThat(events).allMatch(e -> e.getDuration().toNanos() > 0);
    }

    @Test
    void durationOfTheEventIsThatOfTheWait() throws Exception {
        ScriptedClock clock = new ScriptedClock();
        KeyedLocker<String> locker = DefaultKeyedLocker.create(SETTINGS, null, clock);
        // Runs instead of parking, so after the event has begun.
        clock.script(Thread.currentThread(), () -> {
            long begun = System.nanoTime();
            until(() -> System.nanoTime() - begun >= Duration.ofMillis(50).toNanos());
            clock.advance(Duration.ofSeconds(1));
        });
        List<RecordedEvent> events = recorded(() -> {
            Permit held = locker.acquireAsync("42").join();
            assertThat(locker.tryAcquire("42", Duration.ofSeconds(1))).isEmpty();
            held.close();
        });
        assertThat(events).hasSize(1);
        assertThat(events.get(0).getString("outcome")).isEqualTo("TIMEOUT");
        assertThat(events.get(0).getDuration()).isGreaterThanOrEqualTo(Duration.ofMillis(49));
    }

    @Test
    void eventHasTheOutcomeOfAWaitWithoutAPermit() throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create(SETTINGS);
        List<RecordedEvent> events = recorded(() -> {
            Permit held = locker.acquireAsync("42").join();
            OtherThread<Boolean> interrupted = waiter(locker, () -> locker.acquire("42"));
            interrupted.thread.interrupt();
            assertThat(interrupted.result()).isFalse();
            CompletableFuture<Permit> future = locker.acquireAsync("42");
            future.cancel(false);
            OtherThread<Boolean> closed = waiter(locker, () -> locker.acquire("42"));
            locker.close();
            assertThat(closed.result()).isFalse();
            held.close();
        });
        assertThat(events)
                .extracting(e -> e.getString("outcome"))
                .containsExactlyInAnyOrder("INTERRUPTED", "CANCELLED", "CLOSED");
    }

    @Test
    void eventReportsADeadlock() throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create(SETTINGS);
        List<RecordedEvent> events = recorded(() -> {
            OtherThread<Boolean> one = OtherThread.calls(() -> takesBoth(locker, "a", "b"));
            OtherThread<Boolean> two = OtherThread.calls(() -> takesBoth(locker, "b", "a"));
            // The scan may find them before they are seen here.
            until(() -> waiters(locker, "a") + waiters(locker, "b") == 2 || one.isDone() || two.isDone());
            until(() ->
                    new DeadlockSearch(System.nanoTime() + Duration.ofSeconds(1).toNanos()).run() > 0
                            || one.isDone()
                            || two.isDone());
            assertThat(one.result()).isNotEqualTo(two.result());
        });
        assertThat(events).extracting(e -> e.getString("outcome")).containsExactlyInAnyOrder("DEADLOCK", "ACQUIRED");
    }

    private static boolean takesBoth(KeyedLocker<String> locker, String first, String second)
            throws InterruptedException {
        Permit one = locker.acquire(first);
        try {
            until(() -> locker.activeKeyCount() == 2 || waiters(locker, first) > 0);
            locker.acquire(second).close();
            return true;
        } catch (LockDeadlockException e) {
            return false;
        } finally {
            one.close();
        }
    }

    @Test
    void eventOfAFutureIsRecordedOnTheThreadThatEndsItsWait() throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create(SETTINGS);
        List<RecordedEvent> events = recorded(() -> {
            Permit held = locker.acquireAsync("42").join();
            CompletableFuture<Permit> granted = locker.acquireAsync("42");
            held.close();
            granted.join().close();
        });
        assertThat(events)
                .extracting(e -> e.getString("outcome"), e -> e.getThread().getJavaName())
                .containsExactly(tuple("ACQUIRED", Thread.currentThread().getName()));
    }

    @Test
    void redactedKeyIsEmpty() throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create(SETTINGS.withShowKeys(false));
        List<RecordedEvent> events = recorded(() -> {
            Permit held = locker.acquireAsync("42").join();
            CompletableFuture<Permit> waits = locker.acquireAsync("42");
            held.close();
            waits.join().close();
        });
        assertThat(events).extracting(e -> e.getString("key")).containsExactly("");
        assertThat(events).noneMatch(e -> e.toString().contains("\"42\""));
    }

    @Test
    void acquisitionWithoutAWaitIsNoEvent() throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create(SETTINGS);
        List<RecordedEvent> events = recorded(() -> {
            Permit held = locker.acquire("42");
            locker.acquire("42").close();
            assertThat(OtherThread.calls(() -> locker.tryAcquire("42").isEmpty())
                            .result())
                    .isTrue();
            assertThat(locker.acquireAsync("42", Duration.ZERO)).isCompletedExceptionally();
            held.close();
        });
        assertThat(events).isEmpty();
    }

    @Test
    void waitThatBeganBeforeTheRecordingIsNoEvent() throws Exception {
        KeyedLocker<String> locker = KeyedLocker.create(SETTINGS);
        Permit held = locker.acquireAsync("42").join();
        OtherThread<Boolean> early = waiter(locker, () -> locker.acquire("42"));
        until(() -> early.thread.getState() == Thread.State.WAITING);
        List<RecordedEvent> events = recorded(() -> {
            held.close();
            assertThat(early.result()).isTrue();
        });
        assertThat(events).isEmpty();
    }
}
