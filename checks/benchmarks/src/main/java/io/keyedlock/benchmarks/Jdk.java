// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Properties;
import java.util.stream.Stream;

/** A JDK to measure on. */
public record Jdk(Path home, Runtime.Version version) {

    /** The newest of those that are installed beside the running one. */
    public static Jdk newest() {
        Path running = real(Path.of(System.getProperty("java.home")));
        Path parent = running.getParent();
        if (parent == null) {
            return at(running);
        }
        try (Stream<Path> siblings = Files.list(parent)) {
            return Stream.concat(siblings.filter(Jdk::isJdk).map(Jdk::at), Stream.of(at(running)))
                    .max(Comparator.comparing(Jdk::version))
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static Jdk at(Path home) {
        if (!isJdk(home)) {
            throw new IllegalArgumentException("no JDK in " + home + ": bin/java and the file release are expected");
        }
        Properties release = new Properties();
        try (Reader reader = Files.newBufferedReader(home.resolve("release"))) {
            release.load(reader);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String version = release.getProperty("JAVA_VERSION", "0").replace("\"", "");
        return new Jdk(real(home), Runtime.Version.parse(version));
    }

    private static boolean isJdk(Path home) {
        return Files.isExecutable(home.resolve("bin/java")) && Files.isRegularFile(home.resolve("release"));
    }

    private static Path real(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public String java() {
        return home.resolve("bin/java").toString();
    }

    /** Arguments for JMH, which uses what newer JDKs warn of. */
    public String[] quiet() {
        return version.feature() < 24 ? new String[0] : new String[] {"--sun-misc-unsafe-memory-access=allow"};
    }
}
