// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.redis;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.benchmarks.Machine;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import io.keyedlock.redis.RedisLeaseStore;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.redisson.Redisson;
import org.redisson.api.RLock;
import org.redisson.api.RPermitExpirableSemaphore;
import org.redisson.api.RedissonClient;
import org.redisson.config.Config;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
import redis.embedded.RedisServer;

/**
 * Measures a locker on a Redis of its own, over loopback, beside a bare {@code RPermitExpirableSemaphore} and a bare
 * {@code RLock}: without contention, and with 50 threads on one key. All take turns, round after round.
 *
 * <p>Arguments: rounds (7), seconds of each contended round (2).
 */
public final class RedisFigures {

    private static final int CALLS = 1_000;

    private static final int THREADS = 50;

    private static final Pattern CALLS_OF_COMMAND = Pattern.compile("cmdstat_(?!info)[^:]*:calls=(\\d+)");

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private final int port;

    /** One section under a lock, which is taken and given back. */
    private interface Section {
        void pass() throws Exception;
    }

    private RedisFigures(int port) {
        this.port = port;
    }

    public static void main(String[] args) throws Exception {
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 7;
        int seconds = args.length > 1 ? Integer.parseInt(args[1]) : 2;
        int port = freePort();
        RedisServer server = RedisServer.newRedisServer()
                .port(port)
                .bind("127.0.0.1")
                .setting("save \"\"")
                .build();
        server.start();
        RedissonClient redisson = client(port);
        KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName("figures");
        LettuceConnectionFactory connections = new LettuceConnectionFactory("127.0.0.1", port);
        connections.afterPropertiesSet();
        connections.start();
        try (Leases leases =
                        Leases.create(new RedisLeaseStore(connections, RedisLeaseStore.DEFAULT_PREFIX), "figures");
                KeyedLocker<String> locker =
                        KeyedLocker.createOn(leases.backend(settings, LeaseSettings.defaults()), settings)) {
            new RedisFigures(port).measure(sections(locker, redisson), rounds, seconds);
        } finally {
            connections.destroy();
            redisson.shutdown(0, 5, TimeUnit.SECONDS);
            server.stop();
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static RedissonClient client(int port) {
        Config config = new Config();
        config.useSingleServer().setAddress("redis://127.0.0.1:" + port);
        return Redisson.create(config);
    }

    private static Map<String, Section> sections(KeyedLocker<String> locker, RedissonClient redisson) {
        RPermitExpirableSemaphore semaphore = redisson.getPermitExpirableSemaphore("bare-semaphore");
        semaphore.trySetPermits(1);
        RLock lock = redisson.getLock("bare-lock");
        Map<String, Section> sections = new LinkedHashMap<>();
        sections.put("keyedlock on Redis", () -> locker.acquire("key").close());
        sections.put(
                "bare RPermitExpirableSemaphore", () -> semaphore.release(semaphore.acquire(30, TimeUnit.SECONDS)));
        sections.put("bare RLock", () -> {
            lock.lock();
            try {
                Thread.onSpinWait();
            } finally {
                lock.unlock();
            }
        });
        return sections;
    }

    private void measure(Map<String, Section> sections, int rounds, int seconds) throws Exception {
        out.print(Machine.list());
        out.println("- JDK: " + Runtime.version());
        Map<String, List<Double>> alone = new LinkedHashMap<>();
        Map<String, List<Double>> together = new LinkedHashMap<>();
        Map<String, Double> commandsAlone = new LinkedHashMap<>();
        Map<String, Double> commands = new LinkedHashMap<>();
        for (int round = 0; round <= rounds; round++) {
            for (Map.Entry<String, Section> each : sections.entrySet()) {
                long start = commands();
                double micros = alone(each.getValue());
                long before = commands();
                double sectionsEach = together(each.getValue(), seconds);
                double perSection = (commands() - before) / sectionsEach;
                if (round > 0) {
                    alone.computeIfAbsent(each.getKey(), k -> new ArrayList<>()).add(micros);
                    together.computeIfAbsent(each.getKey(), k -> new ArrayList<>())
                            .add(sectionsEach / seconds);
                    commandsAlone.put(each.getKey(), (double) (before - start) / CALLS);
                    commands.put(each.getKey(), perSection);
                }
            }
        }
        out.println();
        out.println(
                "| who | uncontended, µs | range | 50 threads on one key, sections/s | range | Redis commands per section, alone | and with 50 threads |");
        out.println("|---|---|---|---|---|---|---|");
        sections.keySet()
                .forEach(who -> out.printf(
                        Locale.ROOT,
                        "| %s | %s | %s | %.2f | %.4f |%n",
                        who,
                        spread(alone.getOrDefault(who, List.of())),
                        spread(together.getOrDefault(who, List.of())),
                        commandsAlone.getOrDefault(who, Double.NaN),
                        commands.getOrDefault(who, Double.NaN)));
    }

    /** Microseconds of one call, by one thread. */
    private static double alone(Section section) throws Exception {
        long start = System.nanoTime();
        for (int i = 0; i < CALLS; i++) {
            section.pass();
        }
        return (System.nanoTime() - start) / 1e3 / CALLS;
    }

    /** Sections that many threads together get through. */
    private static double together(Section section, int seconds) throws InterruptedException {
        LongAdder passed = new LongAdder();
        CountDownLatch done = new CountDownLatch(THREADS);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        for (int i = 0; i < THREADS; i++) {
            new Thread(() -> {
                        try {
                            while (System.nanoTime() < end) {
                                section.pass();
                                passed.increment();
                            }
                        } catch (Exception e) {
                            throw new IllegalStateException(e);
                        } finally {
                            done.countDown();
                        }
                    })
                    .start();
        }
        done.await();
        return passed.sum();
    }

    /** All commands that the server has carried out so far, those of scripts included. */
    private long commands() throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            OutputStream asks = socket.getOutputStream();
            asks.write("INFO commandstats\r\nQUIT\r\n".getBytes(StandardCharsets.US_ASCII));
            asks.flush();
            String told = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            return CALLS_OF_COMMAND
                    .matcher(told)
                    .results()
                    .mapToLong((MatchResult found) -> Long.parseLong(found.group(1)))
                    .sum();
        }
    }

    private static String spread(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        return String.format(
                Locale.ROOT,
                "**%,.0f** | %,.0f to %,.0f",
                sorted.get(sorted.size() / 2),
                sorted.get(0),
                sorted.get(sorted.size() - 1));
    }
}
