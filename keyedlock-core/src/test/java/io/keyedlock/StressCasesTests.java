// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Short runs of cases 35 and 36. The stress program of the benchmarks runs them for longer. */
class StressCasesTests {

    private static final int KEYS = 3;

    @RegisterExtension
    final Cast cast = new Cast();

    /** One of the threads of case 35 and its own counts. */
    private static final class Player {
        final Random random;
        final long[] entered = new long[KEYS];
        final AtomicInteger turns = new AtomicInteger();

        Player(long seed) {
            random = new Random(seed);
        }

        int enter(int key, long[] plain) {
            plain[key]++;
            entered[key]++;
            return key;
        }
    }

    @ParameterizedTest(name = "fair = {0}")
    @ValueSource(booleans = {true, false})
    @DisplayName(
            "case 35: random acquire, try, timed try, interrupt and async over colliding keys: exact counters, nothing active")
    void randomUseKeepsCountersExact(boolean fair) {
        long seed = System.nanoTime();
        KeyedLocker<Colliding> locker =
                KeyedLocker.create(KeyedLockerSettings.defaults().withFair(fair));
        long[] plain = new long[KEYS];
        AtomicBoolean over = new AtomicBoolean();
        List<Player> players = new ArrayList<>();
        List<Actor> actors = new ArrayList<>();
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Player player = new Player(seed + i);
            players.add(player);
            Actor actor = cast.actor("player" + i);
            actors.add(actor);
            all.add(actor.begins(() -> {
                while (!over.get()) {
                    play(locker, player, plain);
                    player.turns.incrementAndGet();
                }
                return null;
            }));
        }
        Random random = new Random(seed - 1);
        for (int i = 0; i < 250; i++) {
            actors.get(random.nextInt(actors.size())).thread().interrupt();
            CompletableFuture<Permit> future = locker.acquireAsync(new Colliding(random.nextInt(KEYS)));
            if (!future.cancel(true)) {
                future.join().close();
            }
            LockSupport.parkNanos(1_000_000);
        }
        // Ensures that each player has run and each key was used.
        Cast.until(() -> players.stream().allMatch(player -> player.turns.get() >= 100));
        over.set(true);
        all.forEach(Actor::result);
        assertThat(locker.activeKeys()).as("seed %d", seed).isEmpty();
        for (int key = 0; key < KEYS; key++) {
            int k = key;
            assertThat(plain[key])
                    .as("key %d, seed %d", key, seed)
                    .isPositive()
                    .isEqualTo(players.stream().mapToLong(p -> p.entered[k]).sum());
        }
    }

    private static void play(KeyedLocker<Colliding> locker, Player player, long[] plain) throws Exception {
        int k = player.random.nextInt(KEYS);
        Colliding key = new Colliding(k);
        Duration brief = Duration.ofNanos(player.random.nextInt(300_000));
        try {
            switch (player.random.nextInt(8)) {
                case 0 -> locker.run(key, () -> player.enter(k, plain));
                case 1 ->
                    locker.tryAcquire(key).ifPresent(permit -> {
                        player.enter(k, plain);
                        permit.close();
                    });
                case 2 ->
                    locker.tryAcquire(key, brief).ifPresent(permit -> {
                        player.enter(k, plain);
                        permit.close();
                        permit.close();
                    });
                case 3 -> {
                    Permit permit = locker.acquireAsync(key, brief)
                            .handle((granted, failure) -> granted)
                            .join();
                    if (permit != null) {
                        player.enter(k, plain);
                        permit.close();
                    }
                }
                case 4 -> {
                    CompletableFuture<Permit> future = locker.acquireAsync(key);
                    if (!future.cancel(true)) {
                        player.enter(k, plain);
                        future.join().close();
                    }
                }
                case 5 -> {
                    int other = player.random.nextInt(KEYS);
                    Permit permit = locker.acquireAll(List.of(new Colliding(other), key));
                    player.enter(k, plain);
                    if (other != k) {
                        player.enter(other, plain);
                    }
                    permit.close();
                }
                case 6 ->
                    locker.supplyAsync(key, () -> player.enter(k, plain), Runnable::run)
                            .get();
                default -> {
                    locker.asLock(key).lock();
                    try {
                        player.enter(k, plain);
                    } finally {
                        locker.asLock(key).unlock();
                    }
                }
            }
        } catch (InterruptedException e) {
            // Only waiting calls are interrupted, and they hold nothing.
            Thread.interrupted();
        }
    }

    @Test
    @DisplayName(
            "case 36: thousands of virtual threads on one key beside unrelated keys: all make progress, none is pinned")
    void virtualThreadsMakeProgressUnpinned(@TempDir Path directory) throws Exception {
        Path java = javaWithVirtualThreads().orElse(null);
        assumeTrue(java != null, "neither this JDK nor one beside it has virtual threads");
        Path output = directory.resolve("output.txt");
        Process process = new ProcessBuilder(
                        java.toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        VirtualThreadsCheck.class.getName(),
                        directory.resolve("pinned.jfr").toString())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(process.waitFor(4, TimeUnit.MINUTES)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        String printed = Files.readString(output, StandardCharsets.UTF_8);
        assertThat(process.exitValue()).as(printed).isZero();
        assertThat(printed).contains("all made progress", "pinned by the locker: 0");
    }

    /** Returns the launcher of this JDK, or that of the newest JDK in the same directory. */
    private static Optional<Path> javaWithVirtualThreads() throws IOException {
        Path home = Path.of(System.getProperty("java.home")).toRealPath();
        if (Runtime.version().feature() >= 21) {
            return Optional.of(home.resolve("bin/java"));
        }
        Path beside = home.getParent();
        if (beside == null) {
            return Optional.empty();
        }
        try (Stream<Path> homes = Files.list(beside)) {
            return homes.filter(h -> Files.isExecutable(h.resolve("bin/java")) && feature(h) >= 21)
                    .max(Comparator.comparingInt(StressCasesTests::feature))
                    .map(h -> h.resolve("bin/java"));
        }
    }

    private static int feature(Path home) {
        try (Stream<String> lines = Files.lines(home.resolve("release"))) {
            return lines.filter(line -> line.startsWith("JAVA_VERSION="))
                    .map(line -> line.replaceAll("\\D+(\\d+).*", "$1"))
                    .mapToInt(Integer::parseInt)
                    .findFirst()
                    .orElse(0);
        } catch (IOException | NumberFormatException e) {
            return 0;
        }
    }
}
