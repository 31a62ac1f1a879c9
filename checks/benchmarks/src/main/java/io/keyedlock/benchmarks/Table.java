// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Measures all rows of the table and prints it. The forks of all contestants alternate, the first of each, then the
 * second of each, so that a slow minute of the machine affects all of them.
 */
public final class Table {

    private static final String USAGE = """
            Arguments:
              quick | full     how thoroughly to measure (default full)
              report=<file>    measure nothing, print the tables of a file of results
              --jdk=<home>     the JDK to measure on (default: the newest beside the running one)
              --forks=<n>      forks of each
              --gc=<names>     ParallelGC,G1GC or one of them
              --only=<names>   workloads, for instance UNCONTENDED_1,HOT_KEY
              --minutes=<n>    start no fork after this many minutes
              --out=<folder>   where results.json and results.md go (default target)""";

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
        this.forks = arguments.value("forks").map(Integer::parseInt).orElse(quick ? 2 : 5);
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
        Path report = arguments.value("report").map(Path::of).orElse(null);
        if (report != null) {
            out.print(new Report(Results.read(report)).markdown());
            return;
        }
        Path folder = Path.of(arguments.value("out").orElse("target"));
        Files.createDirectories(folder);
        Results results = new Table(arguments).measure(out, folder.resolve("results.json"));
        String markdown = new Report(results).markdown();
        Files.writeString(folder.resolve("results.md"), markdown);
        out.println();
        out.print(markdown);
    }

    private Results measure(PrintStream out, Path file) throws IOException, InterruptedException {
        Results results = new Results();
        long tokens = Section.tokens(SECTION_NANOS);
        results.environment.putAll(Machine.describe());
        results.environment.put("JDK", jdk.version().toString());
        results.environment.put("JVM arguments", String.join(" ", Forks.jvmArguments("<collector>")));
        results.environment.put("section", tokens + " tokens of consumeCPU for 100 ns");
        results.environment.put("kind of run", (quick ? "quick, " : "full, ") + forks + " forks at most");
        Forks runner = new Forks(jdk, quick, tokens);
        for (int fork = 1; fork <= forks; fork++) {
            for (String gc : collectors) {
                for (Workload workload : workloads) {
                    for (Contestants contestant : workload.contestants(!quick)) {
                        if (System.nanoTime() - deadline > 0) {
                            out.println("The time is over in fork " + fork + "; what is there is reported");
                            return results;
                        }
                        measure(out, runner, results, fork, gc, workload, contestant);
                        results.write(file);
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
            values.forEach((name, all) -> out.printf("  %s %s", Report.number(Spread.median(all)), name));
        } catch (IOException | RunnerException e) {
            // The other results are still useful; the report shows the gap.
            out.print("  failed: " + e);
        }
        out.println();
    }
}
