// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.startup;

import io.keyedlock.benchmarks.Arguments;
import io.keyedlock.benchmarks.Figure;
import io.keyedlock.benchmarks.ForkedJvm;
import io.keyedlock.benchmarks.Jdk;
import io.keyedlock.benchmarks.Machine;
import io.keyedlock.benchmarks.ResultFile;
import io.keyedlock.benchmarks.Spread;
import io.keyedlock.benchmarks.Versions;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.springframework.util.FileSystemUtils;

/** Starts an application with annotated beans and without, in turns, each time in a JVM of its own. */
public final class StartUp {

    private static final String USAGE = """
            Arguments:
              quick | full     3 or 15 forks of each (default full)
              --forks=<n>      another number of forks
              --beans=<n>      beans (default 20), each with
              --methods=<n>    the number of annotated methods (default 10)
              --launch=<how>   plain, cds (with an archive of classes) or aot (processed ahead of time; default plain)
              --jdk=<home>     the JDK to measure on (default: the newest beside the running one)
              --out=<folder>   where startup.json goes (default target)""";

    private record Fork(double passedMillis, double cpuMillis) {}

    private final Jdk jdk;
    private final int forks;
    private final Beans beans;
    private final Launch launch;
    private final Map<Contestant, List<Double>> passed = new EnumMap<>(Contestant.class);
    private final Map<Contestant, List<Double>> cpu = new EnumMap<>(Contestant.class);

    private StartUp(Arguments arguments) {
        jdk = arguments.value("jdk").map(home -> Jdk.at(Path.of(home))).orElseGet(Jdk::newest);
        forks = arguments.number("forks", arguments.has("quick") ? 3 : 15);
        beans = new Beans(arguments.number("beans", 20), arguments.number("methods", 10));
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
        Map<String, String> machine = Machine.describe(startUp.jdk.version());
        Path folder = Files.createTempDirectory("startup");
        try {
            startUp.beans.compileInto(folder.resolve("beans"));
            startUp.measure(folder, out);
        } finally {
            FileSystemUtils.deleteRecursively(folder);
        }
        startUp.report(machine).write(arguments, startUp.name());
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
                    passed.computeIfAbsent(contestant, c -> new ArrayList<>()).add(fork.passedMillis());
                    cpu.computeIfAbsent(contestant, c -> new ArrayList<>()).add(fork.cpuMillis());
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

    private boolean one() {
        return beans.classes() * beans.methods() == 1;
    }

    private String name() {
        return (one() ? "startup-one" : "startup") + launch.suffix;
    }

    private ResultFile report(Map<String, String> machine) {
        boolean one = one();
        List<Figure> figures = new ArrayList<>();
        Spread empty = spread(passed, Contestant.PROXIES);
        Spread over = spread(passed, Contestant.WITH).minus(empty);
        Figure overEmpty = Figure.of("context start, over the empty advice", Contestant.WITH.words, "ms", over);
        boolean limited = launch == Launch.PLAIN && (one || beans.equals(new Beans(20, 10)));
        figures.add(limited ? overEmpty.atMost(one ? 25 : 60, Double.NaN) : overEmpty);
        for (Contestant contestant : Contestant.values()) {
            if (contestant != Contestant.WITHOUT) {
                Spread more = spread(passed, contestant).minus(spread(passed, Contestant.WITHOUT));
                figures.add(Figure.of("context start, over that without the starter", contestant.words, "ms", more));
            }
        }
        for (Contestant contestant : Contestant.values()) {
            figures.add(Figure.of("context start", contestant.words, "ms", spread(passed, contestant)));
        }
        for (Contestant contestant : Contestant.values()) {
            figures.add(Figure.of("processor time of the JVM", contestant.words, "ms", spread(cpu, contestant)));
        }
        return ResultFile.measured(
                "Start of an application" + (one ? ", one annotated method" : "") + launch.words,
                "mvn -Pfigures -pl checks/benchmarks -am verify -DskipTests -Dfigures.only=" + name(),
                machine,
                Versions.of("Spring Boot"),
                List.of("Beans: " + beans.classes() + ". Annotated methods of each: " + beans.methods()
                        + ". Each start is a JVM of its own, with the JVM's default options and `-Xmx256m`."),
                figures);
    }

    private static Spread spread(Map<Contestant, List<Double>> figures, Contestant contestant) {
        return Spread.of(figures.getOrDefault(contestant, List.of()));
    }
}
