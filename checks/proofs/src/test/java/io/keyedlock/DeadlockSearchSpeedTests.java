// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.KeyedLockerSettings.DeadlockDetection;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * One search among 10,000 waiting threads takes at most 50 ms of processor time, in the best round of many, as
 * other load on the machine only adds to it, and more so to elapsed time. The threads are never started:
 * the test passes what they would be parked for.
 */
@Tag("stress")
class DeadlockSearchSpeedTests {

    private static final int THREADS = 10_000;

    private static final Duration ALLOWED = Duration.ofMillis(50);

    private static final int ROUNDS = 15;

    private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();

    /** A fixed time in the future, so that no background scan finds a long wait. */
    private static final Clock STANDING = new Clock() {

        private final long now = System.nanoTime() + Duration.ofDays(1).toNanos();

        @Override
        long nanoTime() {
            return now;
        }
    };

    /** A locker full of waiters, the number of cycles among them, and what each thread would be parked for. */
    private record Crowded(DefaultKeyedLocker<Object> locker, int cycles, IdentityHashMap<Thread, Object> waits) {

        Crowded(int limit, int cycles) {
            this(
                    DefaultKeyedLocker.create(
                            KeyedLockerSettings.defaults()
                                    .withLimit(limit)
                                    .withDeadlockDetection(DeadlockDetection.FAIL),
                            null,
                            STANDING),
                    cycles,
                    new IdentityHashMap<>());
        }

        /** Acquires a key for a thread, or enqueues it. */
        void ask(Thread thread, Object key) {
            if (locker.attempt(key, DefaultKeyedLocker.hash(key), thread, Long.MAX_VALUE, null, false)
                    instanceof Waiter waiter) {
                waits.put(thread, waiter);
            }
        }
    }

    private static List<Thread> threads() {
        return IntStream.range(0, THREADS)
                .mapToObj(i -> new Thread(() -> {}, "thread-" + i))
                .toList();
    }

    /** Each thread waits for the next, and a running thread holds the last key. */
    private static Crowded chain() {
        Crowded crowded = new Crowded(1, 0);
        List<Thread> threads = threads();
        for (int i = 0; i < THREADS; i++) {
            crowded.ask(threads.get(i), i);
        }
        for (int i = 0; i < THREADS - 1; i++) {
            crowded.ask(threads.get(i), i + 1);
        }
        return crowded;
    }

    private static Crowded ring() {
        Crowded crowded = new Crowded(1, 1);
        List<Thread> threads = threads();
        for (int i = 0; i < THREADS; i++) {
            crowded.ask(threads.get(i), i);
        }
        for (int i = 0; i < THREADS; i++) {
            crowded.ask(threads.get(i), (i + 1) % THREADS);
        }
        return crowded;
    }

    private static Crowded hotKey() {
        Crowded crowded = new Crowded(1, 0);
        threads().forEach(thread -> crowded.ask(thread, "hot"));
        return crowded;
    }

    private static Crowded hotKeyBehindACycle() {
        Crowded crowded = new Crowded(1, 1);
        List<Thread> threads = threads();
        crowded.ask(threads.get(0), "a");
        crowded.ask(threads.get(1), "b");
        crowded.ask(threads.get(0), "b");
        crowded.ask(threads.get(1), "a");
        threads.subList(2, THREADS).forEach(thread -> crowded.ask(thread, "a"));
        return crowded;
    }

    private static Crowded pairs() {
        Crowded crowded = new Crowded(1, THREADS / 2);
        List<Thread> threads = threads();
        for (int i = 0; i < THREADS; i++) {
            crowded.ask(threads.get(i), i);
        }
        for (int i = 0; i < THREADS; i++) {
            crowded.ask(threads.get(i), i ^ 1);
        }
        return crowded;
    }

    /** Two keys, each held by half of the threads, which all wait for the other key. */
    private static Crowded twoCrowds() {
        Crowded crowded = new Crowded(THREADS / 2, 1);
        List<Thread> threads = threads();
        for (int i = 0; i < THREADS; i++) {
            crowded.ask(threads.get(i), i & 1);
        }
        for (int i = 0; i < THREADS; i++) {
            crowded.ask(threads.get(i), 1 - (i & 1));
        }
        return crowded;
    }

    @Test
    void searchAmongTenThousandThreadsIsShort() {
        List<String> slow = new ArrayList<>();
        measure("chain that lives", DeadlockSearchSpeedTests::chain, slow);
        measure("one hot key", DeadlockSearchSpeedTests::hotKey, slow);
        measure("one hot key behind a cycle of two", DeadlockSearchSpeedTests::hotKeyBehindACycle, slow);
        measure("ring of all", DeadlockSearchSpeedTests::ring, slow);
        measure("cycles of two", DeadlockSearchSpeedTests::pairs, slow);
        measure("two crowds", DeadlockSearchSpeedTests::twoCrowds, slow);
        assertThat(slow).isEmpty();
    }

    private static void measure(String name, Supplier<Crowded> scene, List<String> slow) {
        long[] nanos = new long[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            Crowded crowded = scene.get();
            long later = STANDING.nanoTime() + Duration.ofSeconds(1).toNanos();
            // The first caller has started the scan of the locker, which is the only one.
            Scanner.LOCKERS.removeIf(other -> other != crowded.locker().scan);
            Scanner.LOCKERS.add(crowded.locker().scan);
            long before = CPU.getCurrentThreadCpuTime();
            int found = new DeadlockSearch(later, crowded.waits()::get).run();
            nanos[round] = CPU.getCurrentThreadCpuTime() - before;
            assertThat(found).as(name).isEqualTo(crowded.cycles());
            crowded.locker().close();
            Scanner.LOCKERS.remove(crowded.locker().scan);
        }
        Arrays.sort(nanos);
        String line = String.format(
                "%,d threads, %s: best %.1f ms, median %.1f ms, worst %.1f ms",
                THREADS, name, nanos[0] / 1e6, nanos[ROUNDS / 2] / 1e6, nanos[ROUNDS - 1] / 1e6);
        System.out.println(line);
        if (nanos[0] > ALLOWED.toNanos()) {
            slow.add(line);
        }
    }
}
