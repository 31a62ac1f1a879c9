// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Measures the engine beside other locks. The forks of all contestants alternate, the first of each, then the
 * second of each, so that a slow minute of the machine affects all of them.
 */
public final class Table {

    private static final String USAGE = """
            Arguments:
              quick | full     how thoroughly to measure (default full)
              --jdk=<home>     the JDK to measure on (default: the newest beside the running one)
              --forks=<n>      forks of each
              --gc=<names>     ParallelGC,G1GC or one of them
              --only=<names>   workloads, for instance UNCONTENDED_1,HOT_KEY
              --minutes=<n>    start no fork after this many minutes
              --out=<folder>   where engine.json, engine-times.json and memory.json go (default target)""";

    private static final double SECTION_NANOS = 100;

    private final Jdk jdk;
    private final boolean quick;
    private final int forks;
    private final List<String> collectors;
    private final Set<Workload> workloads;
    private final long deadline;

    private Table(Arguments arguments) {
        this.quick = arguments.has("quick");
        this.jdk = arguments.value("jdk").map(home -> Jdk.at(Path.of(home))).orElseGet(Jdk::newest);
        this.forks = arguments.number("forks", quick ? 2 : 5);
        this.collectors =
                List.of(arguments.value("gc").orElse("ParallelGC,G1GC").split(","));
        this.workloads = EnumSet.noneOf(Workload.class);
        arguments
                .values("only")
                .ifPresentOrElse(
                        names -> names.forEach(name -> workloads.add(Workload.valueOf(name))),
                        () -> workloads.addAll(EnumSet.allOf(Workload.class)));
        if (jdk.version().feature() < VirtualThreads.SINCE) {
            workloads.remove(Workload.VIRTUAL_THREADS);
        }
        double minutes = arguments.value("minutes").map(Double::parseDouble).orElse(quick ? 2.6 : 120.0);
        this.deadline = System.nanoTime() + (long) (minutes * TimeUnit.MINUTES.toNanos(1));
    }

    public static void main(String[] args) throws Exception {
        System.setProperty("jmh.ignoreLock", "true");
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Arguments arguments = new Arguments(args);
        if (arguments.has("help")) {
            out.println(USAGE);
            return;
        }
        Table table = new Table(arguments);
        Map<String, String> machine = Machine.describe(table.jdk.version());
        long tokens = Section.tokens(SECTION_NANOS);
        Report report = new Report(
                table.measure(out, tokens),
                arguments.command(Table.class),
                machine,
                "JVM options: `" + String.join(" ", Forks.jvmArguments("<collector>")) + "`. The section of 100 ns is "
                        + tokens + " tokens of `Blackhole.consumeCPU`.");
        report.engine().write(arguments, "engine");
        report.times().write(arguments, "engine-times");
        report.memory().write(arguments, "memory");
    }

    private Results measure(PrintStream out, long tokens) throws InterruptedException {
        Results results = new Results();
        Forks runner = new Forks(jdk, quick, tokens);
        for (int fork = 1; fork <= forks; fork++) {
            for (String gc : collectors) {
                for (Workload workload : workloads) {
                    for (Contestants contestant : workload.contestants(gc.equals(collectors.get(0)))) {
                        if (System.nanoTime() - deadline > 0) {
                            out.println("The time is over in fork " + fork + "; what is there is reported");
                            return results;
                        }
                        measure(out, runner, results, fork, gc, workload, contestant);
                    }
                }
            }
        }
        return results;
    }

    private static void measure(
            PrintStream out,
            Forks runner,
            Results results,
            int fork,
            String gc,
            Workload workload,
            Contestants contestant)
            throws InterruptedException {
        out.printf("fork %d  %-10s  %-36s  %-40s", fork, gc, workload.label, contestant.label);
        try {
            Map<String, List<Double>> values = runner.run(gc, workload, contestant);
            results.samples.add(new Results.Sample(gc, fork, workload, contestant, values));
            values.forEach((name, all) -> out.printf("  %s %s", Figure.number(Spread.median(all)), name));
        } catch (IOException | RunnerException e) {
            // The other results are still useful; the report shows the gap.
            out.print("  failed: " + e);
        }
        out.println();
    }
}
