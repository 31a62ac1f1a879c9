// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.pinning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.keyedlock.KeyedLocker;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Virtual threads that wait for keys leave their carriers; {@link ManyVirtualThreads} makes them wait. */
@Tag("stress")
class PinnedCarrierTests {

    @Test
    void noWaitPinsACarrier() throws IOException, InterruptedException {
        Optional<Path> jdk = jdkWithVirtualThreads();
        assumeTrue(jdk.isPresent(), "neither this JDK nor one beside it has virtual threads");
        Process process = new ProcessBuilder(List.of(
                        jdk.orElseThrow().resolve("bin").resolve("java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        ManyVirtualThreads.class.getName()))
                .redirectErrorStream(true)
                .start();
        try {
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            System.out.print(said);
            assertThat(process.waitFor())
                    .as("exit status of the other JVM, which said:%n%s", said)
                    .isZero();
            assertThat(said).contains("pinned by the engine: 0", "pinned on purpose: seen");
        } finally {
            process.destroyForcibly();
        }
    }

    /** A newer JVM unmounts threads inside monitors, so it would not detect them. */
    @Test
    void noClassOfTheEngineUsesMonitors() throws IOException, URISyntaxException {
        Path engine = Path.of(KeyedLocker.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        assumeTrue(Files.isDirectory(engine), "the engine is in a jar");
        List<String> command = new ArrayList<>(List.of("-c", "-p"));
        try (Stream<Path> classes = Files.walk(engine)) {
            classes.map(Path::toString).filter(name -> name.endsWith(".class")).forEach(command::add);
        }
        StringWriter code = new StringWriter();
        PrintWriter out = new PrintWriter(code);
        ToolProvider.findFirst("javap").orElseThrow().run(out, out, command.toArray(String[]::new));
        assertThat(code.toString())
                .contains("class io.keyedlock.DefaultKeyedLocker")
                .doesNotContainPattern("monitorenter|synchronized ");
    }

    /** Returns this JDK, the one that {@code -Dkeyedlock.newer-jdk} names, or the newest in the directory of this one. */
    private static Optional<Path> jdkWithVirtualThreads() throws IOException {
        String named = System.getProperty("keyedlock.newer-jdk");
        if (named != null) {
            return Optional.of(Path.of(named));
        }
        Path home = Path.of(System.getProperty("java.home")).toRealPath();
        if (Runtime.version().feature() >= 21) {
            return Optional.of(home);
        }
        try (Stream<Path> neighbours = Files.list(home.resolveSibling("."))) {
            return neighbours
                    .filter(PinnedCarrierTests::hasVirtualThreads)
                    .sorted()
                    .reduce((first, second) -> second);
        }
    }

    private static boolean hasVirtualThreads(Path home) {
        try (Stream<String> lines = Files.lines(home.resolve("release"))) {
            return lines.anyMatch(line -> line.matches("JAVA_VERSION=\"(2[1-9]|[3-9][0-9]).*"));
        } catch (IOException e) {
            return false;
        }
    }
}
