// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.soak;

import io.keyedlock.KeyedLocker;
import io.keyedlock.LockInterruptedException;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;

/** A thread that uses the current application until it is stopped. */
final class SoakPlayer {

    private static final long PAUSE_NANOS = 1_000_000;

    private final Soak soak;

    private final SplittableRandom random;

    private final Thread thread;

    SoakPlayer(Soak soak, SplittableRandom random) {
        this.soak = soak;
        this.random = random;
        this.thread = new Thread(this::play, "player");
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    void join() throws InterruptedException {
        thread.join();
    }

    void interrupt() {
        thread.interrupt();
    }

    private void play() {
        try {
            while (!soak.over()) {
                soak.playing(this::move);
                LockSupport.parkNanos(PAUSE_NANOS);
                // An interrupt that came too late for the move.
                Thread.interrupted();
            }
        } catch (Throwable e) {
            soak.fail(e);
        }
    }

    private void move() throws Exception {
        SoakApplication application = soak.current();
        try {
            move(application, random.nextInt(Jobs.KEYS));
        } catch (LockTimeoutException | LockRejectedException | LockInterruptedException | InterruptedException e) {
            // The expected failures of a move, after which it holds nothing.
        } catch (Jobs.ExpectedException e) {
            // Thrown by the body.
        } catch (RuntimeException e) {
            if (!application.retired) {
                throw e;
            }
        }
    }

    private void move(SoakApplication application, int key) throws Exception {
        Jobs jobs = application.jobs;
        Jobs.Sections sections = application.sections;
        KeyedLocker<Object> orders = application.orders;
        switch (random.nextInt(17)) {
            case 0 -> jobs.ship(key);
            case 1 -> jobs.shipSoon(key);
            case 2 -> jobs.shipNow(key);
            case 3 -> jobs.shipIfFree(key);
            case 4 -> jobs.shipAll(List.of(key, random.nextInt(Jobs.KEYS), random.nextInt(Jobs.KEYS)));
            case 5 -> jobs.fail(key);
            case 6 -> jobs.describe(key);
            case 7 -> later(jobs, key);
            case 8 -> jobs.report(key);
            case 9 -> jobs.alone(key);
            case 10 -> await(sections, orders.acquireAsync(key), key);
            case 11 -> await(sections, orders.acquireAsync(key, Duration.ofNanos(random.nextInt(2_000_000))), key);
            case 12 -> cancel(sections, orders.acquireAsync(key), key);
            case 13 -> supply(application, key);
            case 14 -> lock(sections, orders.asLock(key), key);
            case 15 -> holdAndBeAwaited(application, key);
            default -> soak.anyPlayer(random).interrupt();
        }
    }

    private static void later(Jobs jobs, int key) throws Exception {
        try {
            jobs.shipLater(key).get(60, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
    }

    private static void await(Jobs.Sections sections, CompletableFuture<Permit> future, int key) {
        Permit permit = future.handle((granted, failure) -> granted).join();
        if (permit != null) {
            sections.orders.pass(key);
            permit.close();
        }
    }

    private static void cancel(Jobs.Sections sections, CompletableFuture<Permit> future, int key) {
        if (!future.cancel(true)) {
            await(sections, future, key);
        }
    }

    private void supply(SoakApplication application, int key) {
        CompletableFuture<Boolean> result = application.orders.supplyAsync(
                key,
                () -> {
                    application.sections.orders.pass(key);
                    return true;
                },
                application.executor);
        if (random.nextBoolean()) {
            result.cancel(true);
        }
        Throwable failure = result.handle((done, failed) -> failed).join();
        if (failure instanceof AssertionError) {
            soak.fail(failure);
        }
    }

    private static void lock(Jobs.Sections sections, Lock lock, int key) throws InterruptedException {
        if (lock.tryLock(2, TimeUnit.MILLISECONDS)) {
            try {
                sections.orders.pass(key);
            } finally {
                lock.unlock();
            }
        }
    }

    /** Holds a key long enough that others wait for it, time out or are rejected. */
    private void holdAndBeAwaited(SoakApplication application, int key) throws InterruptedException {
        application.orders.run(key, () -> {
            application.jobs.ship(key);
            LockSupport.parkNanos(random.nextInt(5_000_000));
        });
    }
}
