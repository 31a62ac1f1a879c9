// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * A process that uses a locker on a store, for tests with multiple processes. Its messages begin with {@link #SAYS}.
 *
 * <p>Its arguments are the address of the server, the name of the locker, its limit, the milliseconds of a lease, and what to do.
 */
public final class Worker {

    static final String SAYS = "worker: ";

    /** The sections that a process must complete to show that others do not starve it. */
    private static final int SHARE = 100;

    /** The message of a worker that has completed its share. */
    public static final String HAS_ITS_SHARE = "has its share";

    private static final int THREADS = 4;

    /** The records of the processes on the server, beside the leases. */
    public interface Witnesses {

        /** Counts a caller that enters a key and returns the number of callers inside. */
        long enter(String key);

        /** Counts a section of a key, reading and writing in two steps, so that it needs the lock. */
        void count(String key);

        /** Counts a caller that leaves a key. */
        void leave(String key);

        /** Stores a value of a key unless a newer token has stored one; returns whether it was stored. */
        boolean store(String key, long token, String value);
    }

    private final Witnesses witnesses;
    private final KeyedLocker<String> locker;
    private final AtomicLong sections = new AtomicLong();
    private final LongAdder tooMany = new LongAdder();
    private final LongAdder failures = new LongAdder();

    private volatile boolean mayEnd;

    private Worker(Witnesses witnesses, KeyedLocker<String> locker) {
        this.witnesses = witnesses;
        this.locker = locker;
    }

    /** Runs the work that the arguments specify, reports the result and ends the process. */
    public static void run(LeaseStore store, Witnesses witnesses, String... args) throws Exception {
        int limit = Integer.parseInt(args[2]);
        KeyedLockerSettings settings =
                KeyedLockerSettings.defaults().withName(args[1]).withLimit(limit);
        LeaseSettings lease = LeaseSettings.defaults()
                .withLeaseTime(Duration.ofMillis(Long.parseLong(args[3])))
                .withBackendTimeout(Duration.ofMinutes(1));
        Leases leases = Leases.create(store, "worker " + ProcessHandle.current().pid());
        LeaseBackend backend = leases.backend(settings, lease);
        // Connects before the first lease is acquired.
        backend.connect();
        try (KeyedLocker<String> locker = KeyedLocker.createOn(backend, settings)) {
            Worker worker = new Worker(witnesses, locker);
            switch (args[4]) {
                case "hammer" ->
                    worker.hammer(Integer.parseInt(args[5]), Integer.parseInt(args[6]), Integer.parseInt(args[7]));
                case "hold" -> worker.hold(args[5]);
                case "both" -> worker.both(Integer.parseInt(args[5]), args[6], args[7]);
                default -> throw new IllegalArgumentException(args[4]);
            }
        }
        leases.close();
        System.exit(0);
    }

    private static void say(String what) {
        System.out.println(SAYS + what);
    }

    private static BufferedReader input() {
        return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    }

    /**
     * Acquires random keys for a minimum time and until it may end. Reports when it has completed its share, and at the
     * end the number of sections, of sections that exceeded the limit, and of failed calls.
     */
    private void hammer(int seconds, int keys, int most) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        CountDownLatch done = new CountDownLatch(THREADS);
        for (int t = 0; t < THREADS; t++) {
            new Thread(() -> {
                        Random random = new Random();
                        try {
                            while (System.nanoTime() < end || !mayEnd) {
                                section("k" + random.nextInt(keys), most);
                            }
                        } catch (InterruptedException e) {
                            throw new IllegalStateException(e);
                        } finally {
                            done.countDown();
                        }
                    })
                    .start();
        }
        input().readLine();
        mayEnd = true;
        done.await();
        say(sections + " " + tooMany + " " + failures);
    }

    @SuppressWarnings("try") // the permit is only held
    private void section(String key, int most) throws InterruptedException {
        try (Permit permit = locker.acquire(key, Duration.ofMinutes(1))) {
            if (witnesses.enter(key) > most) {
                tooMany.increment();
            }
            if (most == 1) {
                witnesses.count(key);
            }
            witnesses.leave(key);
            if (sections.incrementAndGet() == SHARE) {
                say(HAS_ITS_SHARE);
            }
        } catch (RuntimeException e) {
            failures.increment();
        }
    }

    /** Holds a key until signalled, then writes to the store and releases the key. */
    private void hold(String key) throws Exception {
        BufferedReader in = input();
        try (Permit permit = locker.acquire(key)) {
            long token = permit.fencingToken().orElseThrow();
            say("held " + token);
            in.readLine();
            say(witnesses.store(key, token, "worker") ? "stored" : "refused");
        }
        say("released");
    }

    /** Acquires two keys repeatedly. */
    @SuppressWarnings("try") // the permit is only held
    private void both(int times, String one, String other) throws InterruptedException {
        for (int i = 0; i < times; i++) {
            try (Permit permit = locker.acquireAll(List.of(one, other), Duration.ofMinutes(1))) {
                sections.incrementAndGet();
            }
        }
        say(sections.toString());
    }
}
