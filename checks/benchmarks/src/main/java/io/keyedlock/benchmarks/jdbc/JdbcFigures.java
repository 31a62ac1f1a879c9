// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.jdbc;

import com.sun.management.OperatingSystemMXBean;
import com.zaxxer.hikari.HikariDataSource;
import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import io.keyedlock.benchmarks.HandOver;
import io.keyedlock.benchmarks.LockFigures;
import io.keyedlock.benchmarks.Machine;
import io.keyedlock.benchmarks.Spread;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

/**
 * Measures a locker on a PostgreSQL 14 of its own, over loopback, beside other locks in a database: without contention, with 50
 * threads on one key, and handed over between two processes with one thread each. All take turns, round after round. Then the
 * rows that a section writes, the heartbeats of 1,000 held keys, and what autovacuum makes of a longer run.
 *
 * <p>Arguments: rounds (5), seconds of each contended round (2), minutes of the longer run (10).
 */
public final class JdbcFigures {

    private static final int CALLS = 1_000;

    /** The sections that a contender passes first, on the connections that are measured. */
    private static final int WARM_UP = 2_000;

    private static final int HELD = 1_000;

    private static final int KEYS = 1_000;

    private static final int THREADS_OF_LONG_RUN = 8;

    private static final String WRITTEN =
            "SELECT COALESCE(SUM(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables";

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private final String url;
    private final JdbcTemplate database;

    private JdbcFigures(String url) {
        this.url = url;
        this.database = new JdbcTemplate(new DriverManagerDataSource(url));
    }

    public static void main(String[] args) throws Exception {
        if (args.length > 0 && args[0].equals("peer")) {
            Contender contender = Contender.valueOf(args[2]);
            contender.use(args[1], section -> HandOver.pass(section, contender.handedOver, contender.handedOver));
            System.exit(0);
        }
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 5;
        int seconds = args.length > 1 ? Integer.parseInt(args[1]) : 2;
        int minutes = args.length > 2 ? Integer.parseInt(args[2]) : 10;
        try (EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setServerConfig("max_connections", "200")
                .start()) {
            JdbcFigures figures = new JdbcFigures(server.getJdbcUrl("postgres", "postgres"));
            figures.measure(rounds, seconds);
            figures.heartbeats();
            figures.longRun(minutes);
        }
        System.exit(0);
    }

    private record Round(double alone, double together, double handOver) {}

    private void measure(int rounds, int seconds) throws Exception {
        out.print(Machine.list());
        out.println("- JDK: " + Runtime.version());
        for (String table : Contender.TABLES) {
            database.execute(table);
        }
        Map<Contender, List<Round>> all = new EnumMap<>(Contender.class);
        for (int round = 0; round <= rounds; round++) {
            for (Contender contender : Contender.values()) {
                Round measured = round(contender, seconds);
                // The first one warms up.
                if (round > 0) {
                    all.computeIfAbsent(contender, key -> new ArrayList<>()).add(measured);
                }
            }
        }
        out.println();
        out.println(
                "| who | uncontended, µs | range | 50 threads on one key, sections/s | range"
                        + " | hand-over between two processes, µs | range | rows written per section, alone | and with 50 threads |");
        out.println("|---|---|---|---|---|---|---|---|---|");
        for (Contender contender : Contender.values()) {
            List<Round> measured = all.getOrDefault(contender, List.of());
            out.printf(
                    Locale.ROOT,
                    "| %s | %s | %s | %s | %.2f | %s |%n",
                    contender.title,
                    spread(measured, Round::alone),
                    spread(measured, Round::together),
                    spread(measured, Round::handOver),
                    rowsPerSection(contender, section -> {
                        LockFigures.alone(section, CALLS);
                        return (double) CALLS;
                    }),
                    contender.handedOver == 0
                            ? ""
                            : String.format(
                                    Locale.ROOT,
                                    "%.4f",
                                    rowsPerSection(contender, section -> LockFigures.together(section, seconds))));
        }
        ratios(all);
    }

    private Round round(Contender contender, int seconds) throws Exception {
        double[] measured = {Double.NaN, Double.NaN, Double.NaN};
        contender.use(url, section -> {
            LockFigures.alone(section, WARM_UP);
            measured[0] = LockFigures.alone(section, CALLS);
            if (contender.handedOver > 0) {
                measured[1] = LockFigures.together(section, seconds) / seconds;
            }
        });
        if (contender.handedOver > 0) {
            measured[2] = HandOver.measure(() -> 0, JdbcFigures.class.getName(), "peer", url, contender.name())
                    .micros();
        }
        return new Round(measured[0], measured[1], measured[2]);
    }

    private static String spread(List<Round> rounds, Function<Round, Double> figure) {
        return LockFigures.spread(
                rounds.stream().map(figure).filter(value -> !value.isNaN()).toList());
    }

    /** Prints how a locker compares with the registry, round by round. */
    private void ratios(Map<Contender, List<Round>> all) {
        List<Round> ours = all.getOrDefault(Contender.KEYEDLOCK, List.of());
        List<Round> theirs = all.getOrDefault(Contender.REGISTRY, List.of());
        out.println();
        out.printf(
                Locale.ROOT,
                "Medians of the ratios to JdbcLockRegistry: uncontended %.2f, 50 threads %.1f, hand-over %.4f.%n",
                ratio(ours, theirs, Round::alone),
                ratio(ours, theirs, Round::together),
                ratio(ours, theirs, Round::handOver));
    }

    private static double ratio(List<Round> ours, List<Round> theirs, Function<Round, Double> figure) {
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < ours.size(); i++) {
            ratios.add(figure.apply(ours.get(i)) / figure.apply(theirs.get(i)));
        }
        return Spread.median(ratios);
    }

    // ---- rows

    private interface Sections {
        double pass(LockFigures.Section section) throws Exception;
    }

    /** The server has all figures of a session when that has ended. */
    private double rowsPerSection(Contender contender, Sections sections) throws Exception {
        double before = written();
        double[] passed = new double[1];
        contender.use(url, section -> passed[0] = sections.pass(section));
        return (written() - before) / passed[0];
    }

    private double written() throws InterruptedException {
        TimeUnit.SECONDS.sleep(2);
        Double rows = database.queryForObject(WRITTEN, Double.class);
        return rows == null ? Double.NaN : rows;
    }

    // ---- heartbeats

    /** Prints the cost of the heartbeats of many held keys for this process and the server. */
    private void heartbeats() throws Exception {
        try (HikariDataSource pool = Contender.pool(url)) {
            Contender.withLocker(pool, locker -> {
                List<Permit> held = new ArrayList<>();
                for (int i = 0; i < HELD; i++) {
                    held.add(locker.acquire("held-" + i));
                }
                OperatingSystemMXBean process = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
                // Code is compiled during the first heartbeats.
                TimeUnit.SECONDS.sleep(20);
                long start = System.nanoTime();
                double server = serverCpuNanos();
                double written = written();
                long own = process.getProcessCpuTime();
                TimeUnit.SECONDS.sleep(40);
                double passed = System.nanoTime() - start;
                out.printf(
                        Locale.ROOT,
                        "%nHeartbeats of %,d held keys: %.2f %% of a core in PostgreSQL, %.2f %% in the process,"
                                + " %.0f rows written per second.%n",
                        HELD,
                        100 * (serverCpuNanos() - server) / passed,
                        100 * (process.getProcessCpuTime() - own) / passed,
                        (written() - written) / passed * 1e9);
                held.forEach(Permit::close);
            });
        }
    }

    /** Processor time of the server's processes that are running. */
    private static double serverCpuNanos() {
        return ProcessHandle.allProcesses()
                .filter(process -> process.info().command().orElse("").endsWith("/postgres"))
                .mapToDouble(process ->
                        process.info().totalCpuDuration().orElse(Duration.ZERO).toNanos())
                .sum();
    }

    // ---- a longer run

    /** Prints what autovacuum makes of the rows that sections of many keys leave behind. */
    private void longRun(int minutes) throws Exception {
        LongAdder passed = new LongAdder();
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(minutes);
        try (HikariDataSource pool = Contender.pool(url)) {
            Contender.withLocker(pool, locker -> {
                ExecutorService threads = Executors.newFixedThreadPool(THREADS_OF_LONG_RUN);
                for (int i = 0; i < THREADS_OF_LONG_RUN; i++) {
                    threads.execute(() -> passKeys(locker, end, passed));
                }
                threads.shutdown();
                if (!threads.awaitTermination(minutes + 1, TimeUnit.MINUTES)) {
                    throw new IllegalStateException("the sections did not end in time");
                }
            });
        }
        TimeUnit.SECONDS.sleep(2);
        out.printf(
                Locale.ROOT,
                "%n%d minutes of %,d sections of %,d keys by %d threads: %s.%n",
                minutes,
                passed.sum(),
                KEYS,
                THREADS_OF_LONG_RUN,
                database.queryForMap("SELECT n_tup_ins AS inserted, n_tup_upd AS updated, n_tup_hot_upd AS hot,"
                        + " n_live_tup AS live, n_dead_tup AS dead, autovacuum_count AS autovacuums,"
                        + " pg_total_relation_size('keyedlock_key') / 1024 AS kilobytes"
                        + " FROM pg_stat_user_tables WHERE relname = 'keyedlock_key'"));
    }

    private static void passKeys(KeyedLocker<String> locker, long end, LongAdder passed) {
        try {
            while (System.nanoTime() < end) {
                locker.acquire("key-" + ThreadLocalRandom.current().nextInt(KEYS))
                        .close();
                passed.increment();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
