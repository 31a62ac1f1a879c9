// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.release;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.w3c.dom.Element;

/** The published poms meet the requirements of Maven Central, and the BOM names every module. */
class PublishedPomsTests {

    private static final Pom PARENT = Pom.read(PublishedModules.ROOT.resolve("pom.xml"));

    private static final String PAGE = "https://github.com/keyedlock/keyedlock";

    static List<String> published() {
        return PublishedModules.names();
    }

    /** The poms without a parent, which must contain everything themselves. */
    static Stream<Pom> complete() {
        return Stream.concat(
                Stream.of(PARENT),
                published().stream()
                        .map(PublishedModules::pom)
                        .filter(pom -> pom.elements("parent").isEmpty()));
    }

    @Test
    void benchmarksAndDemoAreNotPublished() {
        assertThat(published())
                .contains("keyedlock-bom", "keyedlock-core", "keyedlock-spring-boot-starter")
                .doesNotContain("benchmarks", "demo-app", "proofs", "release-checks");
    }

    @ParameterizedTest
    @MethodSource("published")
    void everyModuleHasNameAndDescription(String module) {
        Pom pom = PublishedModules.pom(module);
        assertThat(pom.text("artifactId")).isEqualTo(module);
        assertThat(pom.text("name")).as("name of %s", module).isNotEmpty();
        assertThat(pom.text("description")).as("description of %s", module).isNotEmpty();
        assertThat(pom.text("url")).as("url of %s", module).isEqualTo(PAGE);
    }

    @ParameterizedTest
    @MethodSource("published")
    void allModulesHaveTheSameVersion(String module) {
        Pom pom = PublishedModules.pom(module);
        Pom all = PARENT;
        boolean child = !pom.elements("parent").isEmpty();
        assertThat(child ? pom.text("parent", "version") : pom.text("version"))
                .as("version of %s", module)
                .isEqualTo(all.text("version"));
        assertThat(child ? pom.text("parent", "groupId") : pom.text("groupId")).isEqualTo(all.text("groupId"));
        assertThat(pom.elements("version")).as("a version beside the parent's").hasSize(child ? 0 : 1);
    }

    @ParameterizedTest
    @MethodSource("complete")
    void inheritedMetadataIsComplete(Pom pom) {
        assertThat(pom.text("name")).isNotEmpty();
        assertThat(pom.text("description")).isNotEmpty();
        assertThat(pom.text("url")).isEqualTo(PAGE);
        assertThat(pom.text("organization", "name")).isNotEmpty();
        assertThat(pom.text("licenses", "license", "name")).isEqualTo("Apache-2.0");
        assertThat(pom.text("licenses", "license", "url")).startsWith("https://www.apache.org/licenses/");
        assertThat(pom.text("developers", "developer", "name")).isNotEmpty();
        assertThat(pom.text("scm", "connection")).isEqualTo("scm:git:" + PAGE + ".git");
        assertThat(pom.text("scm", "developerConnection")).isEqualTo("scm:git:" + PAGE + ".git");
        assertThat(pom.text("scm", "url")).isEqualTo(PAGE);
        assertThat(pom.text("issueManagement", "url")).isEqualTo(PAGE + "/issues");
    }

    @Test
    void urlsAreInheritedUnchanged() {
        assertThat(PARENT.project().getAttribute("child.project.url.inherit.append.path"))
                .isEqualTo("false");
        for (String address : List.of("connection", "developerConnection", "url")) {
            assertThat(PARENT.elements("scm").get(0).getAttribute("child.scm." + address + ".inherit.append.path"))
                    .as(address)
                    .isEqualTo("false");
        }
    }

    @Test
    void theBomNamesEveryModuleInItsOwnVersion() {
        Pom bom = PublishedModules.pom("keyedlock-bom");
        Set<String> others = new TreeSet<>(published());
        others.remove("keyedlock-bom");
        String[] managed = {"dependencyManagement", "dependencies", "dependency"};
        assertThat(bom.texts(with(managed, "artifactId"))).containsExactlyInAnyOrderElementsOf(others);
        assertThat(bom.texts(with(managed, "version"))).hasSameSizeAs(others).containsOnly("${project.version}");
        assertThat(bom.texts(with(managed, "groupId"))).hasSameSizeAs(others).containsOnly("io.keyedlock");
    }

    @Test
    void theBomManagesNoVersionsOfOthers() {
        Pom bom = PublishedModules.pom("keyedlock-bom");
        assertThat(bom.elements("parent")).isEmpty();
        assertThat(bom.texts("dependencyManagement", "dependencies", "dependency", "scope"))
                .isEmpty();
    }

    @Test
    void theBomUsesThePluginsOfTheParent() {
        Pom bom = PublishedModules.pom("keyedlock-bom");
        List<String> names = bom.elements("properties", "*").stream()
                .map(Element::getTagName)
                .toList();
        assertThat(names)
                .isNotEmpty()
                .allSatisfy(name ->
                        assertThat(bom.text("properties", name)).as(name).isEqualTo(PARENT.text("properties", name)));
    }

    @ParameterizedTest
    @MethodSource("published")
    void noRepositoryIsNamed(String module) {
        for (Pom pom : List.of(PublishedModules.pom(module), PARENT)) {
            assertThat(pom.elements("repositories")).isEmpty();
            assertThat(pom.elements("pluginRepositories")).isEmpty();
        }
    }

    private static String[] with(String[] path, String last) {
        return Stream.concat(Stream.of(path), Stream.of(last)).toArray(String[]::new);
    }
}
