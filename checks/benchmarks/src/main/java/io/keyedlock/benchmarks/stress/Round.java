// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.stress;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockerOverview;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** One locker from its making to its end, with random settings and players. */
final class Round {

    final KeyedLocker<Key> locker;

    final List<Gate> gates = new ArrayList<>();

    /** Counts whatever is under way without a player waiting for it. */
    final AtomicLong underWay = new AtomicLong();

    final LongAdder moves;

    final Executor pool;

    volatile boolean over;

    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    private final List<Player> players = new ArrayList<>();

    private final boolean virtual;

    private final boolean closes;

    Round(SplittableRandom random, boolean virtualThreads, LongAdder moves, Executor pool) {
        this.moves = moves;
        this.pool = pool;
        this.virtual = virtualThreads && random.nextBoolean();
        this.closes = random.nextInt(3) == 0;
        KeyedLockerSettings settings = KeyedLockerSettings.defaults()
                .withName("stress")
                .withLimit(random.nextInt(1, 4))
                .withFair(random.nextBoolean())
                .withMaxWaiters(random.nextInt(4) == 0 ? random.nextInt(3) : KeyedLockerSettings.UNBOUNDED);
        this.locker = random.nextBoolean()
                ? KeyedLocker.create(settings)
                : KeyedLocker.create(settings, new KeyedLockerListener() {});
        for (int key = random.nextInt(1, 5); key > 0; key--) {
            gates.add(new Gate(settings.limit()));
        }
        for (int number = random.nextInt(2, virtual ? 65 : 13); number > 0; number--) {
            players.add(new Player(this, random.split()));
        }
    }

    void fail(Throwable e) {
        failure.compareAndSet(null, e);
        over = true;
    }

    Player anyPlayer(SplittableRandom chance) {
        return players.get(chance.nextInt(players.size()));
    }

    /** Plays for a while and checks what is left. */
    void play(Duration time) throws Exception {
        for (Player player : players) {
            player.start(virtual);
        }
        long start = System.nanoTime();
        while (!over && System.nanoTime() - start < time.toNanos()) {
            Thread.sleep(5);
        }
        if (closes) {
            locker.close();
        }
        over = true;
        for (Player player : players) {
            player.join();
        }
        while (underWay.get() > 0) {
            Thread.sleep(1);
        }
        Throwable failed = failure.get();
        if (failed != null) {
            throw new AssertionError("a player has failed", failed);
        }
        checkThatNothingIsLeft();
    }

    private void checkThatNothingIsLeft() throws InterruptedException {
        LockerOverview<Key> overview = locker.overview(10);
        if (locker.activeKeyCount() != 0
                || !locker.snapshot().isEmpty()
                || overview.activeKeys() != 0
                || overview.holders() != 0
                || overview.waiters() != 0
                || !locker.awaitIdle(Duration.ZERO)) {
            throw new AssertionError("something is active in the end: " + overview + " " + locker.snapshot());
        }
        for (int key = 0; key < gates.size(); key++) {
            gates.get(key).check(key);
        }
    }

    long passes() {
        return gates.stream().mapToLong(Gate::passed).sum();
    }

    @Override
    public String toString() {
        KeyedLockerSettings settings = locker.settings();
        return players.size() + (virtual ? " virtual" : " platform") + " threads, " + gates.size() + " keys, limit "
                + settings.limit()
                + (settings.fair() ? ", fair" : "")
                + (settings.maxWaiters() == KeyedLockerSettings.UNBOUNDED
                        ? ""
                        : ", at most " + settings.maxWaiters() + " waiters")
                + (closes ? ", closed" : "") + ": " + passes() + " passes, peaks "
                + gates.stream().map(Gate::peak).toList();
    }
}
