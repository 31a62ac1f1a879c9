// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FiguresPageTests {

    private static final Path RESULTS = Path.of("results");

    private static final Path PAGE = Path.of("../../docs/figures.md");

    @Test
    void pageIsGeneratedFromTheCommittedResults() throws IOException {
        assertEquals(
                FiguresPage.markdown(RESULTS),
                Files.readString(PAGE),
                "docs/figures.md differs from checks/benchmarks/results. Generate it again:"
                        + " mvn -Pfigures -pl checks/benchmarks -am verify -DskipTests -Dfigures.only=none");
    }

    @Test
    void pageShowsEachFile() throws IOException {
        String page = FiguresPage.markdown(RESULTS);
        try (Stream<Path> files = Files.list(RESULTS)) {
            for (Path file : files.toList()) {
                String title = ResultFile.read(file).title();
                assertTrue(page.contains("\n## " + title + "\n"), file + " is missing in the list of FiguresPage");
            }
        }
    }

    @Test
    void versionsOfPeersAreThoseOfTheBuild() {
        String version = String.valueOf(Versions.of("Redisson").get("Redisson"));

        assertTrue(version.matches("\\d.*"), version);
    }

    @Test
    void figureBeyondItsLimitIsReportedAsMissed(@TempDir Path results) throws IOException {
        Spread spread = Spread.of(List.of(1.0, 3.0, 2.0));
        List<Figure> figures = List.of(
                Figure.of("missed ratio", "keyedlock", "", spread).atMost(1.5, 1.2),
                Figure.of("missed minimum", "keyedlock", "", spread).atLeast(12),
                Figure.of("kept", "keyedlock", "", spread).atMost(2, 1));
        ResultFile file = ResultFile.measured("Redis", "java X", Map.of(), Map.of(), List.of(), figures);
        file.write(new Arguments(new String[] {"--out=" + results}), "redis");

        String page = FiguresPage.markdown(results);

        assertTrue(page.contains("""
                - Redis: missed ratio (keyedlock), **2.00**, must ≤ 1.50
                - Redis: missed minimum (keyedlock), **2.00**, must ≥ 12.0
                """), page);
        assertTrue(page.contains("\n- engine: not measured\n"), page);
        assertTrue(
                page.contains("| missed ratio | keyedlock | **2.00** | 1.00 to 3.00 | 3 | ≤ 1.50 | ≤ 1.20 | missed |"),
                page);
        assertTrue(page.contains("| kept | keyedlock | **2.00** | 1.00 to 3.00 | 3 | ≤ 2.00 | ≤ 1.00 | met |"), page);
    }

    @Test
    void quotientByZeroIsNotMeasured() {
        Figure figure = Figure.of("ratio", "keyedlock", "", 1 / 0.0).atMost(2, 1);

        assertEquals("not measured", figure.valueText());
        assertEquals("not measured", figure.verdict());
    }

    @Test
    void publishedFiguresAreMarked(@TempDir Path results) throws IOException {
        Files.writeString(results.resolve("asynckeyedlock.json"), """
                {"title": "Others", "source": "https://example.com/bench", "date": "2025-04-12", "machine": {}, "peers": {},
                 "notes": [], "figures": [{"what": "1 task", "who": "theirs", "unit": "ms", "value": 11.5}]}
                """);

        String page = FiguresPage.markdown(results);

        assertTrue(page.contains("**Published by others, not measured here**: <https://example.com/bench>"), page);
        assertTrue(page.contains("| 1 task | theirs | **11.5** ms |"), page);
    }
}
