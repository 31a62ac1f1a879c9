// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.redis;

import com.sun.management.OperatingSystemMXBean;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.benchmarks.HandOver;
import io.keyedlock.benchmarks.LockFigures;
import io.keyedlock.benchmarks.Machine;
import io.keyedlock.lease.Leases;
import io.keyedlock.redis.RedisLeaseStore;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
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
 * {@code RLock}: without contention, with 50 threads on one key, and handed over between two processes with one thread each. All
 * take turns, round after round. Then the heartbeats of 10,000 held keys.
 *
 * <p>Arguments: rounds (7), seconds of each contended round (2).
 */
public final class RedisFigures {

    private static final int CALLS = 1_000;
    private static final int TURNS = 10;

    /** Sections of each of the two processes that hand a key over. */
    private static final int HANDED_OVER = 2_000;

    private static final int HELD = 10_000;

    private static final Pattern CPU = Pattern.compile("used_cpu_(?:sys|user):([0-9.]+)");

    private static final Pattern CALLS_OF_COMMAND = Pattern.compile("cmdstat_(?!info)[^:]*:calls=(\\d+)");

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private final int port;

    private RedisFigures(int port) {
        this.port = port;
    }

    public static void main(String[] args) throws Exception {
        if (args.length > 0 && args[0].equals("peer")) {
            peer(Integer.parseInt(args[1]), args[2]);
            return;
        }
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 7;
        int seconds = args.length > 1 ? Integer.parseInt(args[1]) : 2;
        int port = LockFigures.freePort();
        RedisServer server = RedisServer.newRedisServer()
                .port(port)
                .bind("127.0.0.1")
                .setting("save \"\"")
                .build();
        server.start();
        RedisFigures figures = new RedisFigures(port);
        try {
            withSections(port, (sections, locker) -> {
                figures.measure(sections, rounds, seconds);
                figures.heartbeats(locker);
            });
        } finally {
            server.stop();
        }
    }

    private interface Use {
        void of(Map<String, LockFigures.Section> sections, KeyedLocker<String> locker) throws Exception;
    }

    private static void withSections(int port, Use use) throws Exception {
        RedissonClient redisson = client(port);
        KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName("figures");
        LettuceConnectionFactory connections = new LettuceConnectionFactory("127.0.0.1", port);
        connections.afterPropertiesSet();
        connections.start();
        try (Leases leases =
                        Leases.create(new RedisLeaseStore(connections, RedisLeaseStore.DEFAULT_PREFIX), "figures");
                KeyedLocker<String> locker = KeyedLocker.createOn(LockFigures.connected(leases, settings), settings)) {
            use.of(sections(locker, redisson), locker);
        } finally {
            connections.destroy();
            redisson.shutdown(0, 5, TimeUnit.SECONDS);
        }
    }

    /** One of two processes that hand a key over. */
    private static void peer(int port, String who) throws Exception {
        withSections(
                port,
                (sections, locker) ->
                        HandOver.pass(Objects.requireNonNull(sections.get(who), who), CALLS, HANDED_OVER));
        System.exit(0);
    }

    /** Prints the cost of the heartbeats of many held keys for this process and Redis. */
    private void heartbeats(KeyedLocker<String> locker) throws Exception {
        List<Permit> held = new ArrayList<>();
        for (int i = 0; i < HELD; i++) {
            held.add(locker.acquire("held-" + i));
        }
        OperatingSystemMXBean process = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        // Code is compiled during the first heartbeats.
        Thread.sleep(20_000);
        long start = System.nanoTime();
        double redis = cpu();
        long own = process.getProcessCpuTime();
        Thread.sleep(60_000);
        double passed = (System.nanoTime() - start) / 1e3;
        out.printf(
                Locale.ROOT,
                "%nHeartbeats of %,d held keys: %.2f %% of a core in Redis, %.2f %% in the process.%n",
                HELD,
                100 * (cpu() - redis) / passed,
                100 * (process.getProcessCpuTime() - own) / 1e3 / passed);
        held.forEach(Permit::close);
    }

    private static RedissonClient client(int port) {
        Config config = new Config();
        config.useSingleServer().setAddress("redis://127.0.0.1:" + port);
        return Redisson.create(config);
    }

    private static Map<String, LockFigures.Section> sections(KeyedLocker<String> locker, RedissonClient redisson) {
        RPermitExpirableSemaphore semaphore = redisson.getPermitExpirableSemaphore("bare-semaphore");
        semaphore.trySetPermits(1);
        RLock lock = redisson.getLock("bare-lock");
        Map<String, LockFigures.Section> sections = new LinkedHashMap<>();
        sections.put("keyedlock on Redis", body -> {
            Permit permit = locker.acquire("key");
            body.run();
            permit.close();
        });
        sections.put("bare RPermitExpirableSemaphore", body -> {
            String permit = semaphore.acquire(30, TimeUnit.SECONDS);
            body.run();
            semaphore.release(permit);
        });
        sections.put("bare RLock", body -> {
            lock.lock();
            try {
                body.run();
            } finally {
                lock.unlock();
            }
        });
        return sections;
    }

    private void measure(Map<String, LockFigures.Section> sections, int rounds, int seconds) throws Exception {
        out.print(Machine.list());
        out.println("- JDK: " + Runtime.version());
        Map<String, List<Double>> alone = new LinkedHashMap<>();
        Map<String, List<Double>> together = new LinkedHashMap<>();
        Map<String, List<Double>> handedOver = new LinkedHashMap<>();
        Map<String, List<Double>> cpu = new LinkedHashMap<>();
        Map<String, Double> commandsAlone = new LinkedHashMap<>();
        Map<String, Double> commands = new LinkedHashMap<>();
        for (int round = 0; round <= rounds; round++) {
            // In many short turns, because whatever disturbs the machine lasts longer than one of them.
            for (int turn = 0; turn < TURNS; turn++) {
                for (Map.Entry<String, LockFigures.Section> each : sections.entrySet()) {
                    double micros = LockFigures.alone(each.getValue(), CALLS);
                    if (round > 0) {
                        alone.computeIfAbsent(each.getKey(), k -> new ArrayList<>())
                                .add(micros);
                    }
                }
            }
            for (Map.Entry<String, LockFigures.Section> each : sections.entrySet()) {
                long start = commands();
                LockFigures.alone(each.getValue(), CALLS);
                long before = commands();
                double sectionsEach = LockFigures.together(each.getValue(), seconds);
                double perSection = (commands() - before) / sectionsEach;
                HandOver between = HandOver.measure(
                        this::cpu, RedisFigures.class.getName(), "peer", Integer.toString(port), each.getKey());
                if (round > 0) {
                    handedOver
                            .computeIfAbsent(each.getKey(), k -> new ArrayList<>())
                            .add(between.micros());
                    cpu.computeIfAbsent(each.getKey(), k -> new ArrayList<>()).add(between.costOfSection());
                    together.computeIfAbsent(each.getKey(), k -> new ArrayList<>())
                            .add(sectionsEach / seconds);
                    commandsAlone.put(each.getKey(), (double) (before - start) / CALLS);
                    commands.put(each.getKey(), perSection);
                }
            }
        }
        out.println();
        out.println(
                "| who | uncontended, µs | range | 50 threads on one key, sections/s | range | hand-over between two processes, µs | range | CPU of Redis per section handed over, µs | range | Redis commands per section, alone | and with 50 threads |");
        out.println("|---|---|---|---|---|---|---|---|---|---|---|");
        sections.keySet()
                .forEach(who -> out.printf(
                        Locale.ROOT,
                        "| %s | %s | %s | %s | %s | %.2f | %.4f |%n",
                        who,
                        LockFigures.spread(alone.getOrDefault(who, List.of())),
                        LockFigures.spread(together.getOrDefault(who, List.of())),
                        LockFigures.spread(handedOver.getOrDefault(who, List.of())),
                        LockFigures.spread(cpu.getOrDefault(who, List.of())),
                        commandsAlone.getOrDefault(who, Double.NaN),
                        commands.getOrDefault(who, Double.NaN)));
    }

    /** All commands that the server has carried out so far, those of scripts included. */
    private long commands() throws IOException {
        return CALLS_OF_COMMAND
                .matcher(info("commandstats"))
                .results()
                .mapToLong((MatchResult found) -> Long.parseLong(found.group(1)))
                .sum();
    }

    /** Microseconds of processor time that the server has used. */
    private double cpu() throws IOException {
        return 1e6
                * CPU.matcher(info("cpu"))
                        .results()
                        .mapToDouble((MatchResult found) -> Double.parseDouble(found.group(1)))
                        .sum();
    }

    private String info(String section) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            OutputStream asks = socket.getOutputStream();
            asks.write(("INFO " + section + "\r\nQUIT\r\n").getBytes(StandardCharsets.US_ASCII));
            asks.flush();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        }
    }
}
