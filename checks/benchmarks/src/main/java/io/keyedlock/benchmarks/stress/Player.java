// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.stress;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.jspecify.annotations.Nullable;

/** A thread that uses a locker in random ways until the round is over. */
final class Player {

    private final Round round;

    private final SplittableRandom random;

    private final KeyedLocker<Key> locker;

    private volatile @Nullable Thread thread;

    Player(Round round, SplittableRandom random) {
        this.round = round;
        this.random = random;
        this.locker = round.locker;
    }

    void start(boolean virtual) throws ReflectiveOperationException {
        if (virtual) {
            Object started =
                    Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, (Runnable) this::play);
            thread = (Thread) started;
        } else {
            Thread made = new Thread(this::play, "player");
            made.setDaemon(true);
            thread = made;
            made.start();
        }
    }

    void join() throws InterruptedException {
        Thread t = thread;
        if (t != null) {
            t.join();
        }
    }

    private void interrupt() {
        Thread t = thread;
        if (t != null) {
            t.interrupt();
        }
    }

    private void play() {
        try {
            while (!round.over) {
                try {
                    move();
                } catch (InterruptedException | LockTimeoutException | LockRejectedException e) {
                    // The expected failures of a move, after which it holds nothing.
                    Thread.interrupted();
                } catch (KeyedLockerClosedException e) {
                    return;
                }
                round.moves.increment();
            }
        } catch (Throwable e) {
            round.fail(e);
        }
    }

    private void move() throws Exception {
        int k = random.nextInt(round.gates.size());
        Key key = new Key(k);
        switch (random.nextInt(18)) {
            case 0 -> passAndClose(locker.acquire(key), k);
            case 1 -> passAndClose(locker.acquire(key, time()), k);
            case 2 -> passIfPresent(locker.tryAcquire(key), k);
            case 3 -> passIfPresent(locker.tryAcquire(key, time()), k);
            case 4 -> run(key, k);
            case 5 -> await(locker.acquireAsync(key), k);
            case 6 -> await(locker.acquireAsync(key, time()), k);
            case 7 -> cancel(locker.acquireAsync(key), k);
            case 8 -> leaveToOthers(locker.acquireAsync(key), k);
            case 9 -> several(k, false);
            case 10 -> several(k, true);
            case 11 -> severalAsync(k);
            case 12 -> supply(key, k);
            case 13 -> lock(locker.asLock(key), k);
            case 14 -> tryLock(locker.asLock(key), k);
            case 15 -> round.anyPlayer(random).interrupt();
            case 16 -> look(key);
            default -> locker.awaitIdle(time());
        }
    }

    private Duration time() {
        return Duration.ofNanos(random.nextInt(2_000_000));
    }

    private Gate gate(int k) {
        return round.gates.get(k);
    }

    /** Called by the owner: a further acquisition of the key succeeds at once. */
    private void passAsOwner(int k) {
        if (random.nextInt(4) == 0) {
            Permit again = locker.tryAcquire(new Key(k))
                    .orElseThrow(() -> new AssertionError("the owner of key " + k + " could not reenter"));
            gate(k).pass(random);
            again.close();
            again.close();
        } else {
            gate(k).pass(random);
        }
    }

    private void passAndClose(Permit permit, int k) {
        passAsOwner(k);
        close(permit);
        gate(k).count();
    }

    /** Once, twice, or from two threads. */
    private void close(Permit permit) {
        int way = random.nextInt(16);
        if (way == 0) {
            background(permit::close);
        }
        permit.close();
        if (way == 1) {
            permit.close();
        }
    }

    private void background(Runnable task) {
        round.underWay.incrementAndGet();
        round.pool.execute(() -> {
            try {
                task.run();
            } catch (Throwable e) {
                round.fail(e);
            } finally {
                round.underWay.decrementAndGet();
            }
        });
    }

    private void passIfPresent(Optional<Permit> permit, int k) {
        permit.ifPresent(p -> passAndClose(p, k));
    }

    private void run(Key key, int k) throws InterruptedException {
        locker.run(key, () -> passAsOwner(k));
        gate(k).count();
    }

    /** Permits of futures belong to no thread, so they do not reenter. */
    private void passAsStranger(Permit permit, int k, SplittableRandom chance) {
        gate(k).pass(chance);
        permit.close();
        gate(k).count();
    }

    private void await(CompletableFuture<Permit> future, int k) {
        Permit permit = future.handle((granted, failure) -> granted).join();
        if (permit != null) {
            passAsStranger(permit, k, random);
        }
    }

    private void cancel(CompletableFuture<Permit> future, int k) {
        if (random.nextBoolean()) {
            Thread.onSpinWait();
        }
        boolean cancelled = random.nextBoolean()
                ? future.cancel(true)
                : future.completeExceptionally(new IllegalStateException("given up"));
        if (!cancelled) {
            await(future, k);
        }
    }

    /** The thread that releases the permit counts the pass instead of this one. */
    private void leaveToOthers(CompletableFuture<Permit> future, int k) {
        SplittableRandom theirs = random.split();
        round.underWay.incrementAndGet();
        future.whenComplete((permit, failure) -> {
            try {
                if (permit != null) {
                    passAsStranger(permit, k, theirs);
                }
            } catch (Throwable e) {
                round.fail(e);
            } finally {
                round.underWay.decrementAndGet();
            }
        });
    }

    private List<Key> someKeysWith(int k) {
        List<Key> keys = new ArrayList<>(List.of(new Key(k)));
        for (int more = random.nextInt(4); more > 0; more--) {
            keys.add(random.nextInt(keys.size() + 1), new Key(random.nextInt(round.gates.size())));
        }
        return keys;
    }

    private void several(int k, boolean tries) throws InterruptedException {
        List<Key> keys = someKeysWith(k);
        Optional<Permit> permit = tries
                ? locker.tryAcquireAll(keys)
                : Optional.of(random.nextBoolean() ? locker.acquireAll(keys) : locker.acquireAll(keys, time()));
        permit.ifPresent(p -> {
            List<Integer> distinct = keys.stream().map(Key::id).distinct().toList();
            distinct.forEach(this::passAsOwner);
            close(p);
            distinct.forEach(id -> gate(id).count());
        });
    }

    private void severalAsync(int k) {
        List<Key> keys = someKeysWith(k);
        CompletableFuture<Permit> future =
                locker.acquireAllAsync(keys, random.nextBoolean() ? time() : Duration.ofDays(1));
        if (random.nextBoolean() && future.cancel(true)) {
            return;
        }
        Permit permit = future.handle((granted, failure) -> granted).join();
        if (permit != null) {
            List<Integer> distinct = keys.stream().map(Key::id).distinct().toList();
            distinct.forEach(id -> gate(id).pass(random));
            close(permit);
            distinct.forEach(id -> gate(id).count());
        }
    }

    private void supply(Key key, int k) {
        SplittableRandom theirs = random.split();
        CompletableFuture<Boolean> result = locker.supplyAsync(
                key,
                () -> {
                    Permit again = locker.tryAcquire(key)
                            .orElseThrow(() -> new AssertionError("the thread of a task is no owner"));
                    gate(k).pass(theirs);
                    again.close();
                    return true;
                },
                random.nextBoolean() ? round.pool : Runnable::run);
        result.whenComplete((done, failure) -> {
            if (failure instanceof AssertionError) {
                round.fail(failure);
            }
        });
        if (Boolean.TRUE.equals(result.handle((done, failure) -> done).join())) {
            gate(k).count();
        }
    }

    private void lock(Lock lock, int k) throws InterruptedException {
        if (random.nextBoolean()) {
            lock.lock();
        } else {
            lock.lockInterruptibly();
        }
        unlock(lock, k);
    }

    private void tryLock(Lock lock, int k) throws InterruptedException {
        boolean locked =
                random.nextBoolean() ? lock.tryLock() : lock.tryLock(random.nextInt(2_000), TimeUnit.MICROSECONDS);
        if (locked) {
            unlock(lock, k);
        }
    }

    private void unlock(Lock lock, int k) {
        try {
            passAsOwner(k);
        } finally {
            lock.unlock();
        }
        gate(k).count();
    }

    private void look(Key key) {
        locker.isActive(key);
        locker.snapshot(key).ifPresent(seen -> {
            if (seen.holders().size() > seen.limit()) {
                throw new AssertionError("too many holders: " + seen);
            }
        });
        locker.snapshot();
        locker.overview(2);
        if (random.nextBoolean()) {
            locker.whenIdle().cancel(true);
        }
    }
}
