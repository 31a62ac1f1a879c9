// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.release;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The published modules: those of the parent that do not skip the deployment. */
final class PublishedModules {

    static final Path ROOT = Path.of("../..");

    private PublishedModules() {}

    static List<String> names() {
        return Pom.read(ROOT.resolve("pom.xml")).texts("modules", "module").stream()
                .filter(module -> !pom(module).is("true", "properties", "maven.deploy.skip"))
                .toList();
    }

    static Pom pom(String module) {
        return Pom.read(ROOT.resolve(module).resolve("pom.xml"));
    }

    /** Returns the modules that contain classes. */
    static List<String> withClasses() {
        return names().stream()
                .filter(module -> Files.isDirectory(ROOT.resolve(module).resolve("src/main/java")))
                .toList();
    }

    static Path classes(String module) {
        return ROOT.resolve(module).resolve("target/classes");
    }
}
