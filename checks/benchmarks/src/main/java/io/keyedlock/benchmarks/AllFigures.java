// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import io.keyedlock.benchmarks.advice.AdviceTable;
import io.keyedlock.benchmarks.jdbc.JdbcFigures;
import io.keyedlock.benchmarks.redis.RedisFigures;
import io.keyedlock.benchmarks.startup.StartUp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** Runs all programs that measure, one after another, each in a JVM of its own, and then generates the page. */
public final class AllFigures {

    private static final String USAGE = """
            Arguments:
              quick | full     a try of all programs, into checks/benchmarks/target, or the figures of the page
              --only=<names>   engine, many-keys, tenants, advice, startup, startup-one, startup-cds, startup-aot, redis,
                               jdbc; none generates the page only; default all""";

    /** A program, the options of its JVM, and its arguments. */
    private enum Program {
        ENGINE(Table.class, "", "quick --forks=5 --minutes=12", "quick --forks=1 --minutes=1 --gc=ParallelGC"),
        MANY_KEYS(ManyKeys.class, "-Xms3g -Xmx3g", "", "--keys=10000 --seconds=5"),
        TENANTS(TenantFairness.class, "", "--seconds=20", "--seconds=2"),
        ADVICE(AdviceTable.class, "", "quick --forks=5 --minutes=5", "quick --forks=1 --minutes=1"),
        STARTUP(StartUp.class, "", "--forks=15", "--forks=1"),
        STARTUP_ONE(StartUp.class, "", "--forks=15 --beans=1 --methods=1", "--forks=1 --beans=1 --methods=1"),
        STARTUP_CDS(StartUp.class, "", "--forks=15 --launch=cds", "--forks=1 --launch=cds"),
        STARTUP_AOT(StartUp.class, "", "--forks=15 --launch=aot", "--forks=1 --launch=aot"),
        REDIS(RedisFigures.class, "", "--rounds=3", "quick"),
        JDBC(JdbcFigures.class, "", "--rounds=3 --long=30", "quick");

        final Class<?> main;
        final String options;
        final String full;
        final String quick;

        Program(Class<?> main, String options, String full, String quick) {
            this.main = main;
            this.options = options;
            this.full = full;
            this.quick = quick;
        }

        String label() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    private AllFigures() {}

    /** Runs the programs. Ends with status 1 if one of them fails; the others have written their results then. */
    public static void main(String[] args) throws IOException, InterruptedException {
        Arguments arguments = new Arguments(args);
        if (arguments.has("help")) {
            System.out.println(USAGE);
            return;
        }
        boolean quick = arguments.has("quick");
        String results = quick ? "checks/benchmarks/target/results" : "checks/benchmarks/results";
        List<String> only = arguments.values("only").orElse(List.of("all"));
        rejectUnknown(only);
        List<String> failed = new ArrayList<>();
        long start = System.nanoTime();
        for (Program program : Program.values()) {
            if (only.contains("all") || only.contains(program.label())) {
                long minutes = TimeUnit.NANOSECONDS.toMinutes(System.nanoTime() - start);
                System.out.printf("%n==== %s, after %d minutes%n", program.label(), minutes);
                if (run(program, quick, results) != 0) {
                    failed.add(program.label());
                }
            }
        }
        Path page = Path.of(quick ? "checks/benchmarks/target/figures.md" : "docs/figures.md");
        Files.writeString(page, FiguresPage.markdown(Path.of(results)));
        System.out.println("Generated " + page);
        if (!failed.isEmpty()) {
            System.out.println("Failed: " + failed);
            System.exit(1);
        }
    }

    private static void rejectUnknown(List<String> names) {
        Set<String> known = new TreeSet<>(Set.of("all", "none"));
        for (Program program : Program.values()) {
            known.add(program.label());
        }
        if (!known.containsAll(names)) {
            throw new IllegalArgumentException("--only=" + String.join(",", names) + ": the names are " + known);
        }
    }

    private static int run(Program program, boolean quick, String results) throws IOException, InterruptedException {
        Jdk jdk = Jdk.newest();
        List<String> command = new ArrayList<>(List.of(jdk.java()));
        command.addAll(List.of(jdk.quiet()));
        command.addAll(words(program.options));
        // Nothing here logs, and each JVM would print a warning about that.
        command.add("-Dslf4j.internal.verbosity=ERROR");
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.main.getName()));
        command.addAll(words(quick ? program.quick : program.full));
        command.add("--out=" + Path.of(results).toAbsolutePath());
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    private static List<String> words(String text) {
        return Arrays.stream(text.split(" ", -1))
                .filter(word -> !word.isEmpty())
                .toList();
    }
}
