// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

import io.keyedlock.benchmarks.Arguments;
import io.keyedlock.benchmarks.Forks;
import io.keyedlock.benchmarks.Jdk;
import io.keyedlock.benchmarks.Machine;
import io.keyedlock.benchmarks.Spread;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Measures the time that each advice adds to a call and prints the table. Forks alternate between the advices. */
public final class AdviceTable {

    private static final String USAGE = """
            Arguments:
              quick | full     how thoroughly to measure (default full)
              --jdk=<home>     the JDK to measure on (default: the newest beside the running one)
              --forks=<n>      forks of each
              --only=<names>   advices, for instance KEYEDLOCK,TRANSACTIONAL; EMPTY is always measured
              --orders=<n>     how many orders to call for in turn, a power of two (default 1024)
              --minutes=<n>    start no fork after this many minutes
              --out=<folder>   where advice.md goes (default target)""";

    private final Jdk jdk;
    private final boolean quick;
    private final int forks;
    private final Set<Advices> advices = EnumSet.of(Advices.EMPTY);
    private final String orders;
    private final long deadline;

    /** The time of each iteration, by advice and fork. */
    private final Map<Advices, Map<Integer, List<Double>>> cpu = new EnumMap<>(Advices.class);

    private final Map<Advices, Map<Integer, List<Double>>> passed = new EnumMap<>(Advices.class);
    private final Map<Advices, Map<Integer, List<Double>>> bytes = new EnumMap<>(Advices.class);

    private AdviceTable(Arguments arguments) {
        quick = arguments.has("quick");
        jdk = arguments.value("jdk").map(home -> Jdk.at(Path.of(home))).orElseGet(Jdk::newest);
        forks = arguments.value("forks").map(Integer::parseInt).orElse(quick ? 2 : 5);
        orders = arguments.value("orders").orElse("1024");
        arguments
                .values("only")
                .ifPresentOrElse(
                        names -> names.forEach(name -> add(Advices.valueOf(name))),
                        () -> advices.addAll(EnumSet.allOf(Advices.class)));
        double minutes = arguments.value("minutes").map(Double::parseDouble).orElse(quick ? 1.5 : 30.0);
        deadline = System.nanoTime() + (long) (minutes * TimeUnit.MINUTES.toNanos(1));
    }

    private void add(Advices advice) {
        advices.add(advice.base());
        advices.add(advice);
    }

    /** Measures. */
    public static void main(String[] args) throws IOException {
        System.setProperty("jmh.ignoreLock", "true");
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Arguments arguments = new Arguments(args);
        if (arguments.has("help")) {
            out.println(USAGE);
            return;
        }
        AdviceTable table = new AdviceTable(arguments);
        StringBuilder text = new StringBuilder(Machine.list());
        table.measure(out);
        text.append("- load average at the end: ").append(number(load())).append('\n');
        table.report(text);
        Path folder = Path.of(arguments.value("out").orElse("target"));
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("advice.md"), text);
        out.println();
        out.print(text);
    }

    private void measure(PrintStream out) {
        for (int fork = 1; fork <= forks; fork++) {
            for (Advices advice : advices) {
                if (System.nanoTime() - deadline > 0) {
                    out.println("The time is over in fork " + fork + "; what is there is reported");
                    return;
                }
                out.printf("fork %d  %-22s", fork, advice);
                try {
                    measure(fork, advice);
                    out.println(number(spread(cpu, advice).most()) + " ns at most so far");
                } catch (RunnerException e) {
                    // The other results are still useful; the report shows the gap.
                    out.println("failed: " + e);
                }
            }
        }
    }

    private void measure(int fork, Advices advice) throws RunnerException {
        RunResult run = new Runner(new OptionsBuilder()
                        .include("^" + AdviceBenchmark.class.getName() + "\\.")
                        .param("advice", advice.name())
                        .param("orders", orders)
                        .param("warmUpMillis", quick ? "500" : "1500")
                        .jvm(jdk.java())
                        .jvmArgs(Forks.jvmArguments("ParallelGC").toArray(new String[0]))
                        .jvmArgsAppend(quiet())
                        .forks(1)
                        .warmupIterations(quick ? 1 : 2)
                        .warmupTime(TimeValue.milliseconds(quick ? 200 : 400))
                        .measurementIterations(quick ? 3 : 5)
                        .measurementTime(TimeValue.milliseconds(quick ? 200 : 400))
                        .addProfiler(GCProfiler.class)
                        .verbosity(VerboseMode.SILENT)
                        .shouldFailOnError(true)
                        .build())
                .runSingle();
        run.getBenchmarkResults().stream()
                .flatMap(result -> result.getIterationResults().stream())
                .forEach(iteration -> add(fork, advice, iteration));
    }

    private String[] quiet() {
        // Nothing here logs, and every fork would print a warning about that.
        return Stream.concat(Stream.of(jdk.quiet()), Stream.of("-Dslf4j.internal.verbosity=ERROR"))
                .toArray(String[]::new);
    }

    private void add(int fork, Advices advice, IterationResult iteration) {
        double calls = iteration.getMetadata().getAllOps();
        put(passed, advice, fork, iteration.getPrimaryResult().getScore());
        iteration.getSecondaryResults().forEach((name, result) -> {
            if (name.equals("cpuNanos")) {
                put(cpu, advice, fork, result.getScore() / calls);
            } else if (name.endsWith("gc.alloc.rate.norm")) {
                put(bytes, advice, fork, result.getScore());
            }
        });
    }

    private static void put(Map<Advices, Map<Integer, List<Double>>> into, Advices advice, int fork, double value) {
        into.computeIfAbsent(advice, absent -> new TreeMap<>())
                .computeIfAbsent(fork, absent -> new ArrayList<>())
                .add(value);
    }

    private void report(StringBuilder text) {
        text.append("- JDK: ").append(jdk.version()).append('\n');
        text.append("- JVM arguments: ").append(String.join(" ", Forks.jvmArguments("ParallelGC")));
        text.append("\n- orders: ").append(orders).append("\n\n");
        text.append("| through the proxy | ns over the empty interceptor | range of forks | best | ns in all | passed "
                + "| bytes | forks |\n|---|---|---|---|---|---|---|---|\n");
        for (Advices advice : advices) {
            Spread own = spread(cpu, advice);
            Spread over = own.with(spread(cpu, advice.base()), (a, b) -> a - b);
            text.append("| ").append(advice.label).append(" | ");
            if (own.isEmpty()) {
                text.append("| | | | | | 0 |\n");
                continue;
            }
            if (advice == Advices.EMPTY) {
                text.append("| | ");
            } else {
                text.append("**").append(number(over.median())).append("** | ").append(number(over.least()));
                text.append(" to ").append(number(over.most())).append(" | ").append(number(over.best()));
            }
            text.append(" | ").append(number(own.median()));
            text.append(" | ").append(number(spread(passed, advice).median()));
            text.append(" | ").append(number(spread(bytes, advice).median()));
            text.append(" | ").append(own.medians().size()).append(" |\n");
        }
    }

    private static Spread spread(Map<Advices, Map<Integer, List<Double>>> of, Advices advice) {
        return Spread.of(of.getOrDefault(advice, Map.of()));
    }

    private static double load() {
        return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, Math.abs(value) >= 100 ? "%,.0f" : "%.1f", value);
    }
}
