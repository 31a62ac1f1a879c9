// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.jdbc;

import com.sun.management.OperatingSystemMXBean;
import com.zaxxer.hikari.HikariDataSource;
import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import io.keyedlock.benchmarks.Arguments;
import io.keyedlock.benchmarks.Figure;
import io.keyedlock.benchmarks.HandOver;
import io.keyedlock.benchmarks.LockFigures;
import io.keyedlock.benchmarks.Machine;
import io.keyedlock.benchmarks.ResultFile;
import io.keyedlock.benchmarks.Spread;
import io.keyedlock.benchmarks.Versions;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.lang.management.ManagementFactory;
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
 * <p>Arguments: {@code quick}, {@code --rounds=5}, {@code --seconds=2} of each contended round, {@code --long=600} seconds of
 * the longer run, {@code --out=target}.
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

    private final String url;
    private final JdbcTemplate database;
    private final boolean quick;
    private final List<Figure> figures = new ArrayList<>();

    private JdbcFigures(String url, boolean quick) {
        this.url = url;
        this.quick = quick;
        this.database = new JdbcTemplate(new DriverManagerDataSource(url));
    }

    public static void main(String[] args) throws Exception {
        if (args.length > 0 && args[0].equals("peer")) {
            Contender contender = Contender.valueOf(args[2]);
            contender.use(args[1], section -> HandOver.pass(section, contender.handedOver, contender.handedOver));
            System.exit(0);
        }
        Arguments arguments = new Arguments(args);
        Map<String, String> machine = Machine.describe(Runtime.version());
        boolean quick = arguments.has("quick");
        try (EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setServerConfig("max_connections", "200")
                .start()) {
            JdbcFigures program = new JdbcFigures(server.getJdbcUrl("postgres", "postgres"), quick);
            machine.put("server", "PostgreSQL " + program.database.queryForObject("SHOW server_version", String.class));
            program.measure(arguments.number("rounds", quick ? 1 : 5), arguments.number("seconds", quick ? 1 : 2));
            program.heartbeats();
            program.longRun(arguments.number("long", quick ? 5 : 600));
            ResultFile.measured(
                            "JDBC",
                            arguments.command(JdbcFigures.class),
                            machine,
                            Versions.of("Spring Integration", "ShedLock", "Spring Boot"),
                            List.of(
                                    "A server of its own, over loopback. `fsync` and `synchronous_commit` are off, so no commit"
                                            + " waits for a disk. Sections are empty. Ratios are those of the same round.",
                                    "50 threads: keyedlock hands a lease off within the process for up to 100 ms, the others ask the"
                                            + " database for each section.",
                                    "ShedLock does not wait, so only its uncontended sections are measured. The bare"
                                            + " `pg_advisory_lock` has a connection per lock."),
                            program.figures)
                    .write(arguments, "jdbc");
        }
        System.exit(0);
    }

    private record Round(double alone, double together, double handOver) {}

    private void measure(int rounds, int seconds) throws Exception {
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
        ratios(all);
        add(all, "uncontended section", "µs", Round::alone);
        add(all, "50 threads on one key", "sections/s", Round::together);
        add(all, "hand-over between two processes", "µs", Round::handOver);
        for (Contender contender : Contender.values()) {
            double rows = rowsPerSection(contender, section -> {
                LockFigures.alone(section, CALLS);
                return (double) CALLS;
            });
            figures.add(Figure.of("rows written per uncontended section", contender.title, "", rows));
        }
        for (Contender contender : Contender.values()) {
            if (contender.handedOver > 0) {
                double rows = rowsPerSection(contender, section -> LockFigures.together(section, seconds));
                figures.add(Figure.of("rows written per section of 50 threads", contender.title, "", rows));
            }
        }
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

    private void add(Map<Contender, List<Round>> all, String what, String unit, Function<Round, Double> figure) {
        all.forEach((contender, rounds) -> {
            Spread spread = spread(rounds, figure);
            if (!spread.isEmpty()) {
                figures.add(Figure.of(what, contender.title, unit, spread)
                        .atMost(
                                contender == Contender.KEYEDLOCK && what.startsWith("hand-over") ? 5_000 : Double.NaN,
                                Double.NaN));
            }
        });
    }

    /** Adds how a locker compares with the registry, round by round. */
    private void ratios(Map<Contender, List<Round>> all) {
        List<Round> ours = all.getOrDefault(Contender.KEYEDLOCK, List.of());
        List<Round> theirs = all.getOrDefault(Contender.REGISTRY, List.of());
        figures.add(ratio("uncontended section, to `JdbcLockRegistry`", ours, theirs, Round::alone)
                .atMost(0.8, Double.NaN));
        figures.add(
                ratio("50 threads on one key, sections to those of `JdbcLockRegistry`", ours, theirs, Round::together)
                        .atLeast(20));
        figures.add(ratio("hand-over between two processes, to `JdbcLockRegistry`", ours, theirs, Round::handOver));
    }

    private static Figure ratio(String what, List<Round> ours, List<Round> theirs, Function<Round, Double> figure) {
        Spread ratio = spread(ours, figure).over(spread(theirs, figure));
        return Figure.of(what, Contender.KEYEDLOCK.title, "", ratio);
    }

    private static Spread spread(List<Round> rounds, Function<Round, Double> figure) {
        return Spread.of(rounds.stream().map(figure).toList());
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

    /** Measures the cost of the heartbeats of many held keys for this process and the server. */
    private void heartbeats() throws Exception {
        try (HikariDataSource pool = Contender.pool(url)) {
            Contender.withLocker(pool, locker -> {
                List<Permit> held = new ArrayList<>();
                for (int i = 0; i < HELD; i++) {
                    held.add(locker.acquire("held-" + i));
                }
                OperatingSystemMXBean process = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
                // Code is compiled during the first heartbeats.
                TimeUnit.SECONDS.sleep(quick ? 2 : 20);
                long start = System.nanoTime();
                double server = serverCpuNanos();
                double written = written();
                long own = process.getProcessCpuTime();
                TimeUnit.SECONDS.sleep(quick ? 11 : 40);
                double passed = System.nanoTime() - start;
                String who = String.format(Locale.ROOT, "%,d held keys", HELD);
                double there = 100 * (serverCpuNanos() - server) / passed;
                double here = 100 * (process.getProcessCpuTime() - own) / passed;
                figures.add(Figure.of("heartbeats, of a core in PostgreSQL", who, "%", there));
                figures.add(Figure.of("heartbeats, of a core in the process", who, "%", here));
                double rows = (written() - written) / passed * 1e9;
                figures.add(Figure.of("heartbeats, rows written per second", who, "", rows));
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

    /** Measures what autovacuum makes of the rows that sections of many keys leave behind. */
    private void longRun(int seconds) throws Exception {
        LongAdder passed = new LongAdder();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        try (HikariDataSource pool = Contender.pool(url)) {
            Contender.withLocker(pool, locker -> {
                ExecutorService threads = Executors.newFixedThreadPool(THREADS_OF_LONG_RUN);
                for (int i = 0; i < THREADS_OF_LONG_RUN; i++) {
                    threads.execute(() -> passKeys(locker, end, passed));
                }
                threads.shutdown();
                if (!threads.awaitTermination(seconds + 60, TimeUnit.SECONDS)) {
                    throw new IllegalStateException("the sections did not end in time");
                }
            });
        }
        TimeUnit.SECONDS.sleep(2);
        String who = String.format(
                Locale.ROOT, "%d s of sections of %,d keys by %d threads", seconds, KEYS, THREADS_OF_LONG_RUN);
        figures.add(Figure.of("sections", who, "", (double) passed.sum()));
        database.queryForMap("SELECT n_tup_upd AS \"rows updated\", n_tup_hot_upd AS \"heap-only updates\","
                        + " n_dead_tup AS \"dead rows at the end\", autovacuum_count AS \"autovacuums\","
                        + " pg_total_relation_size('keyedlock_key') / 1024 AS \"table with indexes, kB\""
                        + " FROM pg_stat_user_tables WHERE relname = 'keyedlock_key'")
                .forEach((what, value) -> figures.add(Figure.of(what, who, "", ((Number) value).doubleValue())));
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
