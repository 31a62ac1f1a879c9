// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.redis;

import com.sun.management.OperatingSystemMXBean;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.LockBackendException;
import io.keyedlock.Permit;
import io.keyedlock.benchmarks.Machine;
import io.keyedlock.lease.LeaseBackend;
import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import io.keyedlock.redis.RedisLeaseStore;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
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
 * {@code RLock}: without contention, with 50 threads on one key, and handed over between two processes with one thread each. All
 * take turns, round after round. Then the heartbeats of 10,000 held keys.
 *
 * <p>Arguments: rounds (7), seconds of each contended round (2).
 */
public final class RedisFigures {

    private static final int CALLS = 1_000;

    private static final int THREADS = 50;

    /** Sections of each of the two processes that hand a key over. */
    private static final int HANDED_OVER = 2_000;

    private static final int HELD = 10_000;

    private static final Pattern CPU = Pattern.compile("used_cpu_(?:sys|user):([0-9.]+)");

    private static final Pattern CALLS_OF_COMMAND = Pattern.compile("cmdstat_(?!info)[^:]*:calls=(\\d+)");

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private final int port;

    /** One section under a lock, which is acquired before the body and released after it. */
    private interface Section {
        void pass(Runnable body) throws Exception;
    }

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
        int port = freePort();
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
        void of(Map<String, Section> sections, KeyedLocker<String> locker) throws Exception;
    }

    private static void withSections(int port, Use use) throws Exception {
        RedissonClient redisson = client(port);
        KeyedLockerSettings settings = KeyedLockerSettings.defaults().withName("figures");
        LettuceConnectionFactory connections = new LettuceConnectionFactory("127.0.0.1", port);
        connections.afterPropertiesSet();
        connections.start();
        try (Leases leases =
                        Leases.create(new RedisLeaseStore(connections, RedisLeaseStore.DEFAULT_PREFIX), "figures");
                KeyedLocker<String> locker = KeyedLocker.createOn(connected(leases, settings), settings)) {
            use.of(sections(locker, redisson), locker);
        } finally {
            connections.destroy();
            redisson.shutdown(0, 5, TimeUnit.SECONDS);
        }
    }

    /** A timeout for JVMs that have just started, whose first call may be slow. */
    private static LeaseBackend connected(Leases leases, KeyedLockerSettings settings) {
        LeaseBackend backend = leases.backend(settings, LeaseSettings.defaults());
        for (int attempt = 1; ; attempt++) {
            try {
                backend.connect();
                return backend;
            } catch (LockBackendException e) {
                if (attempt == 10) {
                    throw e;
                }
            }
        }
    }

    /** Runs sections in sequence, in this and in the other process, and prints when each was entered and left. */
    private static void peer(int port, String who) throws Exception {
        long[] times = new long[2 * HANDED_OVER];
        withSections(port, (sections, locker) -> {
            Section section = Objects.requireNonNull(sections.get(who), who);
            int[] at = new int[1];
            // The first calls connect, load scripts and warm up.
            for (int i = 0; i < CALLS; i++) {
                section.pass(() -> {});
            }
            System.out.println("ready");
            System.in.read();
            for (int i = 0; i < HANDED_OVER; i++) {
                section.pass(() -> {
                    times[at[0]++] = System.nanoTime();
                    times[at[0]++] = System.nanoTime();
                });
            }
        });
        StringBuilder all = new StringBuilder();
        for (long time : times) {
            all.append(time).append('\n');
        }
        System.out.print(all);
        System.out.flush();
        System.exit(0);
    }

    /**
     * The measurements of two alternating processes.
     *
     * @param micros the median time from the end of a section of one process to the beginning of the next of the other
     * @param cpuMicros the processor time of Redis per section
     */
    private record HandOver(double micros, double cpuMicros) {}

    private HandOver handOver(String who) throws Exception {
        List<Process> processes = new ArrayList<>();
        List<BufferedReader> outputs = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Process process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Xmx256m",
                            "-cp",
                            System.getProperty("java.class.path"),
                            RedisFigures.class.getName(),
                            "peer",
                            Integer.toString(port),
                            who)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            processes.add(process);
            outputs.add(process.inputReader(StandardCharsets.UTF_8));
        }
        for (BufferedReader output : outputs) {
            String line = output.readLine();
            while (line != null && !line.equals("ready")) {
                line = output.readLine();
            }
        }
        double cpuBefore = cpu();
        for (Process process : processes) {
            process.getOutputStream().write('\n');
            process.getOutputStream().flush();
        }
        record Passed(int process, long from, long to) {}
        List<Passed> all = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            List<Long> times = outputs.get(i)
                    .lines()
                    .filter(line -> line.matches("\\d+"))
                    .map(Long::parseLong)
                    .toList();
            for (int j = 0; j + 1 < times.size(); j += 2) {
                all.add(new Passed(i, times.get(j), times.get(j + 1)));
            }
            processes.get(i).waitFor();
        }
        double cpuMicros = (cpu() - cpuBefore) / all.size();
        all.sort(Comparator.comparingLong(Passed::from));
        List<Double> gaps = new ArrayList<>();
        for (int i = 1; i < all.size(); i++) {
            if (all.get(i).process() != all.get(i - 1).process()) {
                gaps.add((all.get(i).from() - all.get(i - 1).to()) / 1e3);
            }
        }
        gaps.sort(null);
        return new HandOver(gaps.get(gaps.size() / 2), cpuMicros);
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

    private void measure(Map<String, Section> sections, int rounds, int seconds) throws Exception {
        out.print(Machine.list());
        out.println("- JDK: " + Runtime.version());
        Map<String, List<Double>> alone = new LinkedHashMap<>();
        Map<String, List<Double>> together = new LinkedHashMap<>();
        Map<String, List<Double>> handedOver = new LinkedHashMap<>();
        Map<String, List<Double>> cpu = new LinkedHashMap<>();
        Map<String, Double> commandsAlone = new LinkedHashMap<>();
        Map<String, Double> commands = new LinkedHashMap<>();
        for (int round = 0; round <= rounds; round++) {
            for (Map.Entry<String, Section> each : sections.entrySet()) {
                long start = commands();
                double micros = alone(each.getValue());
                long before = commands();
                double sectionsEach = together(each.getValue(), seconds);
                double perSection = (commands() - before) / sectionsEach;
                HandOver between = handOver(each.getKey());
                if (round > 0) {
                    handedOver
                            .computeIfAbsent(each.getKey(), k -> new ArrayList<>())
                            .add(between.micros());
                    cpu.computeIfAbsent(each.getKey(), k -> new ArrayList<>()).add(between.cpuMicros());
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
                "| who | uncontended, µs | range | 50 threads on one key, sections/s | range | hand-over between two processes, µs | range | CPU of Redis per section handed over, µs | range | Redis commands per section, alone | and with 50 threads |");
        out.println("|---|---|---|---|---|---|---|---|---|---|---|");
        sections.keySet()
                .forEach(who -> out.printf(
                        Locale.ROOT,
                        "| %s | %s | %s | %s | %s | %.2f | %.4f |%n",
                        who,
                        spread(alone.getOrDefault(who, List.of())),
                        spread(together.getOrDefault(who, List.of())),
                        spread(handedOver.getOrDefault(who, List.of())),
                        spread(cpu.getOrDefault(who, List.of())),
                        commandsAlone.getOrDefault(who, Double.NaN),
                        commands.getOrDefault(who, Double.NaN)));
    }

    /** Microseconds of one call, by one thread. */
    private static double alone(Section section) throws Exception {
        long start = System.nanoTime();
        for (int i = 0; i < CALLS; i++) {
            section.pass(() -> {});
        }
        return (System.nanoTime() - start) / 1e3 / CALLS;
    }

    /** Returns the number of sections that many threads complete together. */
    private static double together(Section section, int seconds) throws InterruptedException {
        LongAdder passed = new LongAdder();
        CountDownLatch done = new CountDownLatch(THREADS);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        for (int i = 0; i < THREADS; i++) {
            new Thread(() -> {
                        try {
                            while (System.nanoTime() < end) {
                                section.pass(() -> {});
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
