// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The page of all figures, generated from the files of results. */
final class FiguresPage {

    /** The files, in the order of the page. */
    private static final List<String> SECTIONS = List.of(
            "engine",
            "engine-times",
            "memory",
            "many-keys",
            "tenants",
            "advice",
            "startup",
            "startup-one",
            "startup-cds",
            "startup-aot",
            "redis",
            "jdbc",
            "asynckeyedlock");

    private static final String HEAD = """
            # Figures

            <!-- Do not edit: AllFigures generates this page from checks/benchmarks/results, and a test compares them. -->

            What keyedlock costs, beside other locks. Each section names the command that measures it, the machine, the versions of the peers and the date. All figures were
            measured by the programs in [checks/benchmarks](../checks/benchmarks/README.md), which describes the method, except in sections that are marked as published by others.

            `mvn -Pfigures -pl checks/benchmarks -am verify -DskipTests` measures all sections again and generates this page. The commands of the sections need the jar that
            `mvn -pl checks/benchmarks -am package -DskipTests` builds, and the JDK that the section names.

            - *Median* is that of the forks (JVMs of their own) or rounds, *range* the smallest and the largest of them, *runs* their number. Contestants take turns, and ratios and
              differences are computed turn by turn.
            - *Must* is a limit that this project has set itself, *aim* a better value that it would like to reach. *Missed* marks figures beyond the must.
            - Compare contestants of one section only. Absolute times depend on the processor: on another machine, run the command there.
            """;

    private FiguresPage() {}

    /** Returns the page. Names the sections without a file as not measured. */
    static String markdown(Path results) throws IOException {
        StringBuilder missed = new StringBuilder();
        StringBuilder sections = new StringBuilder();
        for (String name : SECTIONS) {
            Path file = results.resolve(name + ".json");
            if (Files.exists(file)) {
                ResultFile result = ResultFile.read(file);
                for (Figure figure : result.missed()) {
                    missed.append("- ").append(result.title()).append(": ").append(figure.what());
                    missed.append(" (").append(figure.who()).append("), ").append(figure.valueText());
                    missed.append(", must ")
                            .append(figure.limitText(figure.must()))
                            .append('\n');
                }
                sections.append('\n').append(result.markdown());
            } else {
                missed.append("- ").append(name).append(": not measured\n");
            }
        }
        return HEAD + "\n## Missed\n\n" + (missed.isEmpty() ? "None.\n" : missed) + sections;
    }
}
