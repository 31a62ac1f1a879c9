// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.startup;

import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What an application has on its class path besides Spring Boot and the same beans. Where the annotation is missing, the JVM
 * takes the beans' class files as if they had none.
 */
enum Contestant {
    WITHOUT("without the starter", List.of()),
    PROXIES("without the starter, an empty advice around the same beans", List.of("aspectjweaver")),
    WITH("with the starter", List.of("aspectjweaver", "keyedlock-core", "keyedlock-spring-boot-autoconfigure"));

    /** A Spring Boot application, with nothing of what else is measured here. */
    private static final List<String> APPLICATION = List.of(
            "spring-boot",
            "spring-boot-autoconfigure",
            "spring-context",
            "spring-core",
            "spring-beans",
            "spring-expression",
            "spring-aop",
            "spring-jcl",
            "commons-logging",
            "slf4j-api",
            "micrometer-core",
            "micrometer-commons",
            "micrometer-observation",
            "HdrHistogram",
            "LatencyUtils",
            "jspecify");

    private static final Pattern VERSION = Pattern.compile("-\\d[^/]*\\.jar$|\\.jar$");

    final String words;

    @SuppressWarnings("ImmutableEnumChecker") // made by List.of
    private final List<String> more;

    Contestant(String words, List<String> more) {
        this.words = words;
        this.more = more;
    }

    /** The class path of an application: of what this program has, what such an application has, and the beans. */
    String classPath(Path beans) {
        Stream<String> own = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .filter(this::has);
        return Stream.concat(own, Stream.of(beans.toString())).collect(Collectors.joining(File.pathSeparator));
    }

    private boolean has(String entry) {
        Path path = Path.of(entry);
        if (path.endsWith(Path.of("target", "classes"))) {
            // A module of this build, or this program itself, where the application's main class is.
            String module = String.valueOf(path.getName(path.getNameCount() - 3));
            return module.equals("benchmarks") || more.contains(module);
        }
        String name = VERSION.matcher(String.valueOf(path.getFileName())).replaceFirst("");
        return name.equals("benchmarks") || APPLICATION.contains(name) || more.contains(name);
    }
}
