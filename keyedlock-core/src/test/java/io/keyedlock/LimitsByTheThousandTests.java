// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Limits that change at random while callers come and go. */
class LimitsByTheThousandTests {

    private static final int KEYS = 3;

    private static final int MOST = 5;

    @RegisterExtension
    final Cast cast = new Cast();

    /** The expected state of a key after each step. */
    private static final class Model {
        int holders;
        final Deque<Integer> waiting = new ArrayDeque<>();

        /** The result of the last call of the function, or null if there was none. */
        Integer own;
    }

    /** One locker and the expected state of each of its callers. */
    private static final class Play {
        private final Random random;
        private final Map<Object, Integer> data = new HashMap<>();
        private final KeyedLocker<Colliding> locker;
        private final Map<Integer, Model> keys = new HashMap<>();
        private final List<CompletableFuture<Permit>> futures = new ArrayList<>();
        private final List<Integer> keyOf = new ArrayList<>();

        /** The numbers of the callers that hold a permit. */
        private final List<Integer> holding = new ArrayList<>();

        private int limit;

        Play(Random random) {
            this.random = random;
            this.limit = 1 + random.nextInt(MOST);
            this.locker = KeyedLocker.create(KeyedLockerSettings.defaults()
                    .withFair(random.nextBoolean())
                    .withLimit(limit)
                    .withKeyLimits(key -> data.getOrDefault(key, 0)));
            for (int key = 0; key < KEYS; key++) {
                keys.put(key, new Model());
            }
        }

        private int limitOf(Model model) {
            return model.own == null || model.own == 0 ? limit : model.own;
        }

        private void grant(Model model) {
            while (!model.waiting.isEmpty() && model.holders < limitOf(model)) {
                model.holders++;
                holding.add(model.waiting.poll());
            }
            if (model.holders == 0) {
                model.own = null;
            }
        }

        private void acquire(boolean waits) {
            int key = random.nextInt(KEYS);
            Model model = keys.get(key);
            Colliding wanted = new Colliding(key);
            int number = futures.size();
            futures.add(waits ? locker.acquireAsync(wanted) : locker.tryAcquireAsync(wanted));
            keyOf.add(key);
            if (model.holders > 0 && model.own == null) {
                model.own = data.getOrDefault(wanted, 0);
            }
            if (waits || (model.waiting.isEmpty() && model.holders < limitOf(model))) {
                model.waiting.add(number);
            } else {
                assertThat(futures.get(number)).isCompletedExceptionally();
            }
            grant(model);
        }

        private void close() {
            if (!holding.isEmpty()) {
                int number = holding.remove(random.nextInt(holding.size()));
                futures.get(number).join().close();
                Model model = keys.get(keyOf.get(number));
                model.holders--;
                grant(model);
            }
        }

        private void cancel() {
            Model model = keys.get(random.nextInt(KEYS));
            if (!model.waiting.isEmpty()) {
                int number = random.nextBoolean() ? model.waiting.pollFirst() : model.waiting.pollLast();
                assertThat(futures.get(number).cancel(false)).isTrue();
            }
        }

        private void setLimit() {
            limit = 1 + random.nextInt(MOST);
            locker.setLimit(limit);
            keys.values().forEach(this::grant);
        }

        private void refresh() {
            data.put(new Colliding(random.nextInt(KEYS)), random.nextInt(MOST + 1));
            locker.refreshLimits();
            keys.forEach((key, model) -> {
                if (model.own != null) {
                    model.own = data.getOrDefault(new Colliding(key), 0);
                }
                grant(model);
            });
        }

        void step() {
            switch (random.nextInt(10)) {
                case 0, 1, 2 -> acquire(true);
                case 3 -> acquire(false);
                case 4, 5, 6 -> close();
                case 7 -> cancel();
                case 8 -> setLimit();
                default -> refresh();
            }
            keys.forEach((key, model) -> {
                Colliding one = new Colliding(key);
                assertThat(Cast.holders(locker, one)).isEqualTo(model.holders);
                assertThat(Cast.waiters(locker, one)).isEqualTo(model.waiting.size());
                model.waiting.forEach(number -> assertThat(futures.get(number)).isNotDone());
            });
            holding.forEach(number -> assertThat(futures.get(number)).isCompleted());
        }

        void end() {
            while (!holding.isEmpty()) {
                close();
            }
            assertThat(locker.activeKeyCount()).isZero();
        }
    }

    @Test
    void eachStepRespectsTheCurrentLimit() {
        RandomCases.check(500, random -> {
            Play play = new Play(random);
            for (int i = 0; i < 60; i++) {
                play.step();
            }
            play.end();
        });
    }

    /** Grants never exceed the current limit, no waiter remains while a permit is free, and the locker ends idle. */
    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    void threadsAndFuturesRespectTheCurrentLimit(boolean fair) {
        long seed = System.nanoTime();
        Map<Object, Integer> data = new ConcurrentHashMap<>();
        KeyedLocker<Integer> locker = KeyedLocker.create(KeyedLockerSettings.defaults()
                .withFair(fair)
                .withLimit(MOST)
                .withKeyLimits(key -> data.getOrDefault(key, 0)));
        AtomicInteger[] inside = {new AtomicInteger(), new AtomicInteger()};
        // The highest limit since all holders were admitted; they are counted before the limit is lowered.
        AtomicInteger[] bound = {new AtomicInteger(MOST), new AtomicInteger(MOST)};
        AtomicInteger excess = new AtomicInteger();
        AtomicBoolean over = new AtomicBoolean();
        List<AtomicInteger> turns = new ArrayList<>();
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 2 * MOST; i++) {
            Random random = new Random(seed + i);
            AtomicInteger mine = new AtomicInteger();
            turns.add(mine);
            all.add(cast.actor("player" + i).begins(() -> {
                while (!over.get()) {
                    int key = random.nextInt(2);
                    Permit permit = random.nextBoolean()
                            ? locker.acquire(key)
                            : random.nextBoolean()
                                    ? locker.acquireAsync(key).join()
                                    : locker.tryAcquire(key, Duration.ofNanos(random.nextInt(200_000)))
                                            .orElse(null);
                    if (permit != null) {
                        if (inside[key].incrementAndGet() > bound[key].get()) {
                            excess.incrementAndGet();
                        }
                        Thread.onSpinWait();
                        inside[key].decrementAndGet();
                        permit.close();
                    }
                    mine.incrementAndGet();
                }
                return null;
            }));
        }
        Random random = new Random(seed - 1);
        for (int i = 0; i < 200; i++) {
            int limit = 1 + random.nextInt(MOST);
            // Raised before the limit, and lowered after the holders admitted under the old limit have released.
            bound[0].set(MOST);
            bound[1].set(MOST);
            if (random.nextBoolean()) {
                data.put(1, limit);
                locker.refreshLimits();
                Cast.until(() -> Cast.holders(locker, 1) <= limit);
                Cast.until(() -> inside[1].get() <= limit);
                bound[1].set(limit);
            } else {
                locker.setLimit(limit);
                Cast.until(() -> Cast.holders(locker, 0) <= limit);
                Cast.until(() -> inside[0].get() <= limit);
                bound[0].set(limit);
            }
            List<Integer> before = turns.stream().map(AtomicInteger::get).toList();
            Cast.until(() -> {
                int moved = 0;
                for (int player = 0; player < turns.size(); player++) {
                    moved += turns.get(player).get() > before.get(player) ? 1 : 0;
                }
                return moved == turns.size();
            });
        }
        over.set(true);
        all.forEach(Actor::result);
        assertThat(excess).as("callers above the limit, seed %d", seed).hasValue(0);
        assertThat(locker.activeKeyCount()).as("seed %d", seed).isZero();
    }
}
