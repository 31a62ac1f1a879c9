// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.startup;

import io.keyedlock.benchmarks.Arguments;
import io.keyedlock.benchmarks.ForkedJvm;
import io.keyedlock.benchmarks.Jdk;
import io.keyedlock.benchmarks.Machine;
import io.keyedlock.benchmarks.Spread;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.springframework.util.FileSystemUtils;

/** Starts an application with annotated beans and without, in turns, each time in a JVM of its own, and prints the table. */
public final class StartUp {

    private static final String USAGE = """
            Arguments:
              quick | full     3 or 15 forks of each (default full)
              --forks=<n>      another number of forks
              --beans=<n>      beans (default 20), each with
              --methods=<n>    the number of annotated methods (default 10)
              --launch=<how>   plain, cds (with an archive of classes) or aot (processed ahead of time; default plain)
              --jdk=<home>     the JDK to measure on (default: the newest beside the running one)
              --out=<folder>   where startup.md goes (default target)""";

    private record Fork(double passedMillis, double cpuMillis) {}

    private final Jdk jdk;
    private final int forks;
    private final Beans beans;
    private final Launch launch;
    private final Map<Contestant, Map<Integer, List<Double>>> passed = new EnumMap<>(Contestant.class);
    private final Map<Contestant, Map<Integer, List<Double>>> cpu = new EnumMap<>(Contestant.class);

    private StartUp(Arguments arguments) {
        jdk = arguments.value("jdk").map(home -> Jdk.at(Path.of(home))).orElseGet(Jdk::newest);
        forks = arguments.value("forks").map(Integer::parseInt).orElse(arguments.has("quick") ? 3 : 15);
        beans = new Beans(
                arguments.value("beans").map(Integer::parseInt).orElse(20),
                arguments.value("methods").map(Integer::parseInt).orElse(10));
        launch = Launch.valueOf(arguments.value("launch").orElse("plain").toUpperCase(Locale.ROOT));
    }

    /** Measures. */
    public static void main(String[] args) throws IOException, InterruptedException {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Arguments arguments = new Arguments(args);
        if (arguments.has("help")) {
            out.println(USAGE);
            return;
        }
        StartUp startUp = new StartUp(arguments);
        StringBuilder text = new StringBuilder(Machine.list());
        text.append("- measured on JDK ").append(startUp.jdk.version()).append("\n\n");
        Path folder = Files.createTempDirectory("startup");
        try {
            startUp.beans.compileInto(folder.resolve("beans"));
            startUp.measure(folder, out);
        } finally {
            FileSystemUtils.deleteRecursively(folder);
        }
        text.append(startUp.table());
        out.println(text);
        Path file = Path.of(arguments.value("out").orElse("target")).resolve("startup.md");
        Files.writeString(file, text);
        out.println("written to " + file);
    }

    private void measure(Path folder, PrintStream out) throws IOException, InterruptedException {
        Map<Contestant, List<String>> commands = new EnumMap<>(Contestant.class);
        for (Contestant contestant : Contestant.values()) {
            commands.put(contestant, prepare(contestant, folder));
        }
        // The first turn warms the caches of the system, and does not count.
        for (int turn = -1; turn < forks; turn++) {
            for (Contestant contestant : Contestant.values()) {
                Fork fork = start(Objects.requireNonNull(commands.get(contestant)));
                if (turn >= 0) {
                    passed.computeIfAbsent(contestant, c -> new TreeMap<>()).put(turn, List.of(fork.passedMillis()));
                    cpu.computeIfAbsent(contestant, c -> new TreeMap<>()).put(turn, List.of(fork.cpuMillis()));
                }
                out.printf(
                        Locale.ROOT,
                        "turn %d %-8s %6.0f ms passed, %6.0f ms of processor time%n",
                        turn + 1,
                        contestant,
                        fork.passedMillis(),
                        fork.cpuMillis());
            }
        }
    }

    private List<String> prepare(Contestant contestant, Path folder) throws IOException, InterruptedException {
        List<String> arguments = List.of(
                Integer.toString(beans.classes()),
                Boolean.toString(contestant != Contestant.WITHOUT),
                Boolean.toString(contestant == Contestant.PROXIES));
        return launch.prepare(
                jdk.java(),
                contestant.classPath(folder.resolve("beans")),
                arguments,
                folder.resolve(contestant.name()));
    }

    private static Fork start(List<String> command) throws IOException, InterruptedException {
        String[] nanos = ForkedJvm.run(command, Application.MARK).split(" ", -1);
        return new Fork(Long.parseLong(nanos[0]) / 1e6, Long.parseLong(nanos[1]) / 1e6);
    }

    private String table() {
        StringBuilder text = new StringBuilder("""
                | application | context start, ms | range | over, turn by turn | range | processor time of the JVM, ms | over | range | forks |
                |---|---|---|---|---|---|---|---|---|
                """);
        for (Contestant contestant : Contestant.values()) {
            Spread time = spread(passed, contestant);
            Spread processor = spread(cpu, contestant);
            boolean base = contestant == Contestant.WITHOUT;
            Spread more = time.with(spread(passed, Contestant.WITHOUT), (a, b) -> a - b);
            Spread moreProcessor = processor.with(spread(cpu, Contestant.WITHOUT), (a, b) -> a - b);
            text.append(String.format(
                    Locale.ROOT,
                    "| %s | %.0f | %s | %s | %s | %.0f | %s | %s | %d |%n",
                    contestant.words,
                    time.median(),
                    range(time),
                    base ? "" : String.format(Locale.ROOT, "**%.0f**", more.median()),
                    base ? "" : range(more),
                    processor.median(),
                    base ? "" : String.format(Locale.ROOT, "**%.0f**", moreProcessor.median()),
                    base ? "" : range(moreProcessor),
                    forks));
        }
        return text.toString();
    }

    private static Spread spread(Map<Contestant, Map<Integer, List<Double>>> figures, Contestant contestant) {
        return Spread.of(figures.getOrDefault(contestant, Map.of()));
    }

    private static String range(Spread spread) {
        return String.format(Locale.ROOT, "%.0f to %.0f", spread.least(), spread.most());
    }
}
