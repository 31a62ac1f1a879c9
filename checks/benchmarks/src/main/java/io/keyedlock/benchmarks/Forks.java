// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import com.google.gson.Gson;
import com.google.gson.reflect.TypeToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Runs one fork at a time: a separate JVM for one contestant and one workload. */
public final class Forks {

    private final Jdk jdk;

    private final boolean quick;

    private final long tokens;

    Forks(Jdk jdk, boolean quick, long tokens) {
        this.jdk = jdk;
        this.quick = quick;
        this.tokens = tokens;
    }

    /** A small young generation: with a large one, allocations measure the memory bus. */
    public static List<String> jvmArguments(String gc) {
        return jvmArguments(gc, "64m");
    }

    private static List<String> jvmArguments(String gc, String youngGeneration) {
        return List.of("-XX:+Use" + gc, "-Xms3g", "-Xmx3g", "-Xmn" + youngGeneration);
    }

    Map<String, List<Double>> run(String gc, Workload workload, Contestants contestant)
            throws IOException, InterruptedException, RunnerException {
        Class<?> benchmark = workload.benchmark;
        return benchmark == null ? figures(gc, workload, contestant) : benchmark(gc, workload, benchmark, contestant);
    }

    private Map<String, List<Double>> benchmark(
            String gc, Workload workload, Class<?> benchmark, Contestants contestant) throws RunnerException {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include("^" + Pattern.quote(benchmark.getName()) + "\\.")
                .jvm(jdk.java())
                .jvmArgs(jvmArguments(gc).toArray(new String[0]))
                .jvmArgsAppend(jdk.quiet())
                .forks(1)
                .threads(workload.threads)
                .warmupIterations(quick ? 3 : 5)
                .warmupTime(TimeValue.milliseconds(quick ? 200 : 400))
                .measurementIterations(quick ? 3 : 5)
                .measurementTime(TimeValue.milliseconds(workload == Workload.HOT_KEY ? 1_000 : quick ? 250 : 600))
                .timeout(TimeValue.seconds(ForkedJvm.LONGEST_SECONDS))
                .addProfiler(GCProfiler.class)
                .verbosity(VerboseMode.SILENT)
                .shouldFailOnError(true);
        if (workload != Workload.NEW_LOCKER) {
            options.param("contestant", contestant.name());
        }
        if (workload == Workload.HOT_KEY || workload == Workload.VIRTUAL_THREADS) {
            options.param("tokens", Long.toString(tokens));
        }
        workload.parameters.forEach(options::param);
        RunResult run = new Runner(options.build()).runSingle();
        List<Double> nanos = new ArrayList<>();
        List<Double> bytes = new ArrayList<>();
        List<Double> shares = new ArrayList<>();
        for (BenchmarkResult fork : run.getBenchmarkResults()) {
            for (IterationResult iteration : fork.getIterationResults()) {
                // The primary result is the throughput of all threads together, the raw ones are those of each.
                nanos.add(1e9 / iteration.getPrimaryResult().getScore());
                DoubleSummaryStatistics each = new DoubleSummaryStatistics();
                for (Result<?> thread : iteration.getRawPrimaryResults()) {
                    each.accept(thread.getScore());
                }
                shares.add(each.getMax() / each.getMin());
                iteration.getSecondaryResults().forEach((name, result) -> addBytes(bytes, name, result));
            }
        }
        Map<String, List<Double>> values = new HashMap<>();
        values.put(Row.NANOS, nanos);
        if (workload == Workload.HOT_KEY) {
            values.put(Row.SHARES, shares);
        }
        if (!bytes.isEmpty()) {
            values.put(Row.BYTES, bytes);
        }
        return values;
    }

    private static void addBytes(List<Double> bytes, String name, Result<?> result) {
        if (name.endsWith("gc.alloc.rate.norm")) {
            bytes.add(result.getScore());
        }
    }

    private Map<String, List<Double>> figures(String gc, Workload workload, Contestants contestant)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(jdk.java());
        command.addAll(jvmArguments(gc, workload.keepsPermits() ? "1g" : "64m"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Figures.class.getName()));
        command.addAll(List.of(workload.name(), contestant.name(), Long.toString(tokens), Boolean.toString(quick)));
        String found = ForkedJvm.run(command, Figures.MARK);
        @Nullable Map<String, List<Double>> values = new Gson().fromJson(found, new TypeToken<>() {});
        return values == null ? Map.of() : values;
    }
}
