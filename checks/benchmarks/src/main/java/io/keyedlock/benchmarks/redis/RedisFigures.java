// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.redis;

import com.baomidou.lock.LockTemplate;
import com.baomidou.lock.executor.RedisTemplateLockExecutor;
import com.baomidou.lock.spring.boot.autoconfigure.Lock4jProperties;
import com.sun.management.OperatingSystemMXBean;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.benchmarks.Arguments;
import io.keyedlock.benchmarks.Figure;
import io.keyedlock.benchmarks.HandOver;
import io.keyedlock.benchmarks.LockFigures;
import io.keyedlock.benchmarks.Machine;
import io.keyedlock.benchmarks.ResultFile;
import io.keyedlock.benchmarks.Spread;
import io.keyedlock.benchmarks.Versions;
import io.keyedlock.lease.Leases;
import io.keyedlock.redis.RedisLeaseStore;
import java.io.IOException;
import java.io.OutputStream;
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
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.redisson.Redisson;
import org.redisson.api.RLock;
import org.redisson.api.RPermitExpirableSemaphore;
import org.redisson.api.RedissonClient;
import org.redisson.config.Config;
import org.springframework.boot.autoconfigure.klock.lock.ReentrantLock;
import org.springframework.boot.autoconfigure.klock.model.LockInfo;
import org.springframework.boot.autoconfigure.klock.model.LockType;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
import org.springframework.data.redis.core.StringRedisTemplate;
import org.springframework.integration.redis.util.RedisLockRegistry;
import redis.embedded.RedisServer;

/**
 * Measures a locker on a Redis of its own, over loopback, beside other locks on it: without contention, with 50 threads on one
 * key, and, with those that queue, handed over between two processes with one thread each. All take turns, round after round.
 * Then the heartbeats of 10,000 held keys.
 *
 * <p>Arguments: {@code quick}, {@code --rounds=7}, {@code --seconds=2} of each contended round, {@code --out=target}.
 */
public final class RedisFigures {

    private static final int CALLS = 1_000;
    private static final int TURNS = 10;

    /** Sections of each of the two processes that hand a key over. */
    private static final int HANDED_OVER = 2_000;

    private static final int HELD = 10_000;

    private static final String KEYEDLOCK = "keyedlock on Redis";
    private static final String SEMAPHORE = "`RPermitExpirableSemaphore`";
    private static final String LOCK = "`RLock`";

    /** The contestants of the hand-over between processes. The others are an {@code RLock} inside, or their processes poll. */
    private static final Set<String> HAND_OVER = Set.of(KEYEDLOCK, SEMAPHORE, LOCK);

    /** The time for which lock4j and klock wait and hold at most. */
    private static final long LONG_SECONDS = 60;

    private static final Pattern VERSION = Pattern.compile("redis_version:(\\S+)");

    private static final Pattern CPU = Pattern.compile("used_cpu_(?:sys|user):([0-9.]+)");

    private static final Pattern CALLS_OF_COMMAND = Pattern.compile("cmdstat_(?!info)[^:]*:calls=(\\d+)");

    private final int port;

    private final boolean quick;

    private final List<Figure> figures = new ArrayList<>();

    private RedisFigures(int port, boolean quick) {
        this.port = port;
        this.quick = quick;
    }

    public static void main(String[] args) throws Exception {
        if (args.length > 0 && args[0].equals("peer")) {
            peer(Integer.parseInt(args[1]), args[2]);
            return;
        }
        Arguments arguments = new Arguments(args);
        Map<String, String> machine = Machine.describe(Runtime.version());
        boolean quick = arguments.has("quick");
        int rounds = arguments.number("rounds", quick ? 1 : 7);
        int seconds = arguments.number("seconds", quick ? 1 : 2);
        int port = LockFigures.freePort();
        RedisServer server = RedisServer.newRedisServer()
                .port(port)
                .bind("127.0.0.1")
                .setting("save \"\"")
                .build();
        server.start();
        RedisFigures figures = new RedisFigures(port, quick);
        try {
            withSections(port, (sections, locker) -> {
                figures.measure(sections, rounds, seconds);
                figures.heartbeats(locker);
            });
            machine.put("server", "redis-server " + figures.version());
        } finally {
            server.stop();
        }
        ResultFile.measured(
                        "Redis",
                        arguments.command(RedisFigures.class),
                        machine,
                        Versions.of("Redisson", "klock", "lock4j", "Spring Integration", "Spring Boot"),
                        List.of(
                                "A server of its own, over loopback. Sections are empty. Ratios are those of the same round.",
                                "klock is its `ReentrantLock` on this Redisson, without the annotation, as its starter was made for"
                                        + " Spring Boot 1.5. lock4j is its `LockTemplate` on `StringRedisTemplate`; its waiters poll, by"
                                        + " default every 100 ms. Waiters of `RedisLockRegistry` wait for a local lock first, and"
                                        + " poll only for other processes.",
                                "50 threads: keyedlock hands a lease off within the process for up to 100 ms, the others ask the"
                                        + " server for each section.",
                                "Commands are those that the server counts, also inside scripts."),
                        figures.figures)
                .write(arguments, "redis");
        System.exit(0);
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
            use.of(sections(locker, redisson, connections), locker);
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
        Thread.sleep(quick ? 2_000 : 20_000);
        long start = System.nanoTime();
        double redis = cpu();
        long own = process.getProcessCpuTime();
        Thread.sleep(quick ? 11_000 : 60_000);
        double passed = (System.nanoTime() - start) / 1e3;
        String who = String.format(Locale.ROOT, "%,d held keys", HELD);
        figures.add(Figure.of("heartbeats, of a core in Redis", who, "%", 100 * (cpu() - redis) / passed)
                .atMost(2, Double.NaN));
        double here = (process.getProcessCpuTime() - own) / 1e3;
        figures.add(Figure.of("heartbeats, of a core in the process", who, "%", 100 * here / passed));
        held.forEach(Permit::close);
    }

    private static RedissonClient client(int port) {
        Config config = new Config();
        config.useSingleServer().setAddress("redis://127.0.0.1:" + port);
        return Redisson.create(config);
    }

    private static Map<String, LockFigures.Section> sections(
            KeyedLocker<String> locker, RedissonClient redisson, LettuceConnectionFactory connections)
            throws Exception {
        RPermitExpirableSemaphore semaphore = redisson.getPermitExpirableSemaphore("semaphore");
        semaphore.trySetPermits(1);
        RLock lock = redisson.getLock("lock");
        LockTemplate lock4j = lock4j(connections);
        LockInfo klock = new LockInfo(LockType.Reentrant, "klock", LONG_SECONDS, LONG_SECONDS);
        Lock registered = new RedisLockRegistry(connections, "registry").obtain("key");
        Map<String, LockFigures.Section> sections = new LinkedHashMap<>();
        sections.put(KEYEDLOCK, body -> {
            Permit permit = locker.acquire("key");
            body.run();
            permit.close();
        });
        sections.put(SEMAPHORE, body -> {
            String permit = semaphore.acquire(30, TimeUnit.SECONDS);
            body.run();
            semaphore.release(permit);
        });
        sections.put(LOCK, body -> {
            lock.lock();
            try {
                body.run();
            } finally {
                lock.unlock();
            }
        });
        sections.put("klock", body -> {
            // As its factory does for each call.
            ReentrantLock held = new ReentrantLock(redisson, klock);
            acquired(held.acquire(), "klock");
            body.run();
            held.release();
        });
        sections.put("lock4j", body -> {
            long millis = TimeUnit.SECONDS.toMillis(LONG_SECONDS);
            com.baomidou.lock.LockInfo held = lock4j.lock("lock4j", millis, millis);
            acquired(held != null, "lock4j");
            body.run();
            lock4j.releaseLock(held);
        });
        sections.put("`RedisLockRegistry`", body -> {
            registered.lock();
            try {
                body.run();
            } finally {
                registered.unlock();
            }
        });
        return sections;
    }

    private static LockTemplate lock4j(LettuceConnectionFactory connections) throws Exception {
        Lock4jProperties properties = new Lock4jProperties();
        StringRedisTemplate redis = new StringRedisTemplate(connections);
        LockTemplate lock4j = new LockTemplate();
        lock4j.setProperties(properties);
        lock4j.setExecutors(List.of(new RedisTemplateLockExecutor(redis, properties)));
        lock4j.afterPropertiesSet();
        return lock4j;
    }

    private static void acquired(boolean acquired, String who) {
        if (!acquired) {
            throw new IllegalStateException(who + " did not acquire its lock within " + LONG_SECONDS + " s");
        }
    }

    /** The measurements of one contestant, round by round. */
    private static final class Rounds {

        private final List<Double> alone = new ArrayList<>();
        private final List<Double> together = new ArrayList<>();
        private final List<Double> handOver = new ArrayList<>();
        private final List<Double> cpu = new ArrayList<>();
        private final List<Double> commandsAlone = new ArrayList<>();
        private final List<Double> commandsTogether = new ArrayList<>();
    }

    private void measure(Map<String, LockFigures.Section> sections, int rounds, int seconds) throws Exception {
        Map<String, Rounds> all = new LinkedHashMap<>();
        // The first round warms up.
        for (int round = 0; round <= rounds; round++) {
            if (round == 1) {
                all.clear();
            }
            Map<String, List<Double>> turns = alone(sections);
            for (Map.Entry<String, LockFigures.Section> each : sections.entrySet()) {
                Rounds rounded = all.computeIfAbsent(each.getKey(), who -> new Rounds());
                rounded.alone.add(Spread.median(turns.getOrDefault(each.getKey(), List.of())));
                measure(each.getKey(), each.getValue(), seconds, rounded);
            }
        }
        report(all);
    }

    /** In many short turns, because whatever disturbs the machine lasts longer than one of them. */
    private static Map<String, List<Double>> alone(Map<String, LockFigures.Section> sections) throws Exception {
        Map<String, List<Double>> turns = new LinkedHashMap<>();
        for (int turn = 0; turn < TURNS; turn++) {
            for (Map.Entry<String, LockFigures.Section> each : sections.entrySet()) {
                turns.computeIfAbsent(each.getKey(), who -> new ArrayList<>())
                        .add(LockFigures.alone(each.getValue(), CALLS));
            }
        }
        return turns;
    }

    private void measure(String who, LockFigures.Section section, int seconds, Rounds rounds) throws Exception {
        long start = commands();
        LockFigures.alone(section, CALLS);
        long before = commands();
        double passed = LockFigures.together(section, seconds);
        rounds.commandsAlone.add((double) (before - start) / CALLS);
        rounds.commandsTogether.add((commands() - before) / passed);
        rounds.together.add(passed / seconds);
        if (HAND_OVER.contains(who)) {
            HandOver between =
                    HandOver.measure(this::cpu, RedisFigures.class.getName(), "peer", Integer.toString(port), who);
            rounds.handOver.add(between.micros());
            rounds.cpu.add(between.costOfSection());
        }
    }

    private void report(Map<String, Rounds> all) {
        Rounds ours = Objects.requireNonNull(all.get(KEYEDLOCK));
        Rounds semaphore = Objects.requireNonNull(all.get(SEMAPHORE));
        Rounds lock = Objects.requireNonNull(all.get(LOCK));
        figures.add(ratio("uncontended section, to `RPermitExpirableSemaphore`", ours.alone, semaphore.alone)
                .atMost(1, Double.NaN));
        figures.add(ratio("50 threads on one key, sections to those of `RLock`", ours.together, lock.together)
                .atLeast(12));
        figures.add(ratio("hand-over between two processes, to `RLock`", ours.handOver, lock.handOver)
                .atMost(1.2, Double.NaN));
        figures.add(ratio("processor time of Redis per section handed over, to `RLock`", ours.cpu, lock.cpu)
                .atMost(1.1, Double.NaN));
        add(all, "uncontended section", "µs", rounds -> rounds.alone);
        add(all, "50 threads on one key", "sections/s", rounds -> rounds.together);
        add(all, "hand-over between two processes", "µs", rounds -> rounds.handOver);
        add(all, "processor time of Redis per section handed over", "µs", rounds -> rounds.cpu);
        add(all, "commands per uncontended section", "", rounds -> rounds.commandsAlone);
        add(all, "commands per section of 50 threads", "", rounds -> rounds.commandsTogether);
    }

    private static Figure ratio(String what, List<Double> ours, List<Double> theirs) {
        return Figure.of(what, KEYEDLOCK, "", Spread.of(ours).over(Spread.of(theirs)));
    }

    private void add(Map<String, Rounds> all, String what, String unit, Function<Rounds, List<Double>> values) {
        all.forEach((who, rounds) -> {
            Spread spread = Spread.of(values.apply(rounds));
            if (!spread.isEmpty()) {
                figures.add(Figure.of(what, who, unit, spread));
            }
        });
    }

    private String version() throws IOException {
        return VERSION.matcher(info("server"))
                .results()
                .map((MatchResult found) -> found.group(1))
                .findFirst()
                .orElseThrow();
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
