// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

import io.keyedlock.benchmarks.Arguments;
import io.keyedlock.benchmarks.Figure;
import io.keyedlock.benchmarks.Forks;
import io.keyedlock.benchmarks.Jdk;
import io.keyedlock.benchmarks.Machine;
import io.keyedlock.benchmarks.ResultFile;
import io.keyedlock.benchmarks.Spread;
import io.keyedlock.benchmarks.Versions;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
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

/** Measures the time that each advice adds to a call. Forks alternate between the advices. */
public final class AdviceTable {

    private static final String USAGE = """
            Arguments:
              quick | full     how thoroughly to measure (default full)
              --jdk=<home>     the JDK to measure on (default: the newest beside the running one)
              --forks=<n>      forks of each
              --only=<names>   advices, for instance KEYEDLOCK,TRANSACTIONAL; EMPTY is always measured
              --orders=<n>     how many orders to call for in turn, a power of two (default 1024)
              --minutes=<n>    start no fork after this many minutes
              --out=<folder>   where advice.json goes (default target)""";

    private final Jdk jdk;
    private final boolean quick;
    private final int forks;
    private final Set<Advices> advices = EnumSet.of(Advices.EMPTY);
    private final String orders;
    private final long deadline;

    /** The time of each iteration, by advice and fork. */
    private final Map<Advices, Map<Integer, List<Double>>> cpu = new EnumMap<>(Advices.class);

    private final Map<Advices, Map<Integer, List<Double>>> bytes = new EnumMap<>(Advices.class);

    private AdviceTable(Arguments arguments) {
        quick = arguments.has("quick");
        jdk = arguments.value("jdk").map(home -> Jdk.at(Path.of(home))).orElseGet(Jdk::newest);
        forks = arguments.number("forks", quick ? 2 : 5);
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
        Map<String, String> machine = Machine.describe(table.jdk.version());
        table.measure(out);
        table.report(arguments.command(AdviceTable.class), machine).write(arguments, "advice");
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
                    out.println(Figure.number(spread(cpu, advice).most()) + " ns at most so far");
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

    private ResultFile report(String command, Map<String, String> machine) {
        List<Figure> figures = new ArrayList<>();
        for (Advices advice : advices) {
            if (advice != Advices.EMPTY) {
                Spread over = spread(cpu, advice).minus(spread(cpu, advice.base()));
                figures.add(
                        Figure.of(advice.overWhat(), advice.label, "ns", over).atMost(advice.must(), advice.aim()));
            }
        }
        advices.forEach(advice -> figures.add(Figure.of("in all", advice.label, "ns", spread(cpu, advice))));
        advices.forEach(advice -> figures.add(Figure.of("allocated", advice.label, "B", spread(bytes, advice))));
        return ResultFile.measured(
                "Advice",
                command,
                machine,
                Versions.of("Spring Boot", "resilience4j", "lock4j"),
                List.of(
                        "Processor time of the calling thread per call through a proxy, by one thread with " + orders
                                + " orders in turn. No call waits. *Over* is the difference to the same proxy with an empty"
                                + " interceptor.",
                        "The transaction manager does nothing. `@ConcurrencyLimit` has no key. resilience4j creates a bulkhead"
                                + " per order and keeps it. lock4j runs with an executor that uses a map.",
                        "JVM options: `" + String.join(" ", Forks.jvmArguments("ParallelGC")) + "`."),
                figures);
    }

    private static Spread spread(Map<Advices, Map<Integer, List<Double>>> of, Advices advice) {
        return Spread.of(of.getOrDefault(advice, Map.of()));
    }
}
