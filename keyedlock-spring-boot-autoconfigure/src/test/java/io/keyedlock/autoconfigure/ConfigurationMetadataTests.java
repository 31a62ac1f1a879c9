// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import com.jayway.jsonpath.JsonPath;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.jdbc.JdbcStoreSettings;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The configuration metadata for {@code keyedlock.}, and the page with the same properties. */
class ConfigurationMetadataTests {

    static final List<String> OF_LOCKER = List.of(
            "limit",
            "wait-time",
            "fair",
            "max-waiters",
            "reentrant",
            "backend",
            "lease-time",
            "backend-timeout",
            "handoff-window",
            "max-hold",
            "on-lease-lost",
            "fail-fast",
            "limits");

    private final String metadata = read("META-INF/spring-configuration-metadata.json");

    @Test
    void everyPropertyIsListedWithItsDefault() {
        Map<String, Object> defaults = properties().stream()
                .filter(property -> property.containsKey("defaultValue"))
                .collect(Collectors.toMap(
                        property -> (String) property.get("name"), property -> property.get("defaultValue")));
        assertThat(defaults)
                .containsEntry("keyedlock.enabled", true)
                .containsEntry("keyedlock.defaults.limit", 1)
                .containsEntry("keyedlock.defaults.wait-time", "30s")
                .containsEntry("keyedlock.defaults.fair", false)
                .containsEntry("keyedlock.defaults.max-waiters", "unbounded")
                .containsEntry("keyedlock.defaults.reentrant", true)
                .containsEntry("keyedlock.defaults.backend", "local")
                .containsEntry("keyedlock.defaults.lease-time", "30s")
                .containsEntry("keyedlock.defaults.backend-timeout", "3s")
                .containsEntry("keyedlock.defaults.handoff-window", "100ms")
                .containsEntry("keyedlock.defaults.max-hold", "0s")
                .containsEntry("keyedlock.defaults.on-lease-lost", "fail")
                .containsEntry("keyedlock.redis.prefix", "keyedlock")
                .containsEntry("keyedlock.jdbc.initialize-schema", "embedded")
                .containsEntry("keyedlock.jdbc.table-prefix", "KEYEDLOCK_")
                .containsEntry("keyedlock.jdbc.token-retention", "30d")
                .containsEntry("keyedlock.jdbc.poll-min", "25ms")
                .containsEntry("keyedlock.jdbc.poll-max", "1s")
                .containsEntry("keyedlock.defaults.fail-fast", false)
                .containsEntry("keyedlock.aop.order", Integer.MAX_VALUE - 100)
                .containsEntry("keyedlock.release", "after-transaction")
                .containsEntry("keyedlock.validation", "fail")
                .containsEntry("keyedlock.deadlock-detection", "fail")
                .containsEntry("keyedlock.long-hold.threshold", "30s")
                .containsEntry("keyedlock.show-keys", true)
                .containsEntry("keyedlock.metrics.hold", "sampled")
                .containsEntry("keyedlock.observations", false)
                .containsEntry("keyedlock.shutdown.await-idle", "20s")
                .containsEntry("keyedlock.shutdown.reject-new", false)
                .containsEntry("keyedlock.shutdown.phase", Integer.MAX_VALUE / 2 - 512)
                .containsEntry("keyedlock.web.problem-details", true)
                .containsEntry("management.endpoint.keyedlocks.page", true)
                .containsEntry("management.endpoint.keyedlocks.show-keys", "always");
        assertThat(names())
                .contains(
                        "keyedlock.locks",
                        "keyedlock.executor",
                        "keyedlock.owner",
                        "management.endpoint.keyedlocks.roles");
    }

    @Test
    void everyPropertyIsDescribed() {
        assertThat(properties())
                .allSatisfy(property -> assertThat((String) property.get("description"))
                        .as("%s", property.get("name"))
                        .isNotBlank()
                        .endsWith("."));
    }

    @Test
    void propertiesWithoutASimpleTypeHaveHints() {
        assertThat(values("keyedlock.defaults.wait-time")).contains("forever");
        assertThat(values("keyedlock.defaults.max-waiters")).contains("unbounded");
        assertThat(values("keyedlock.defaults.backend")).containsExactly("local", "redis", "jdbc");
        assertThat(values("keyedlock.jdbc.platform")).containsExactly("postgresql", "mysql", "mariadb", "h2");
        assertThat(JsonPath.<List<String>>read(
                        metadata, "$.hints[?(@.name == 'keyedlock.executor')].providers[*].parameters.target"))
                .containsExactly("java.util.concurrent.Executor");
    }

    /** An IDE knows the values of an enum, but not what each one does. */
    @Test
    void valuesOfEnumsAreDescribed() {
        assertDescribed("keyedlock.release", KeyedLockProperties.Release.values());
        assertDescribed("keyedlock.validation", KeyedLockProperties.Validation.values());
        assertDescribed("keyedlock.deadlock-detection", KeyedLockerSettings.DeadlockDetection.values());
        assertDescribed("keyedlock.defaults.on-lease-lost", KeyedLockProperties.OnLeaseLost.values());
        assertDescribed("keyedlock.jdbc.initialize-schema", JdbcStoreSettings.InitializeSchema.values());
    }

    private void assertDescribed(String name, Enum<?>[] constants) {
        assertThat(values(name))
                .containsExactly(Stream.of(constants)
                        .map(constant ->
                                constant.name().toLowerCase(Locale.ROOT).replace('_', '-'))
                        .toArray(String[]::new));
        assertThat(JsonPath.<List<String>>read(metadata, "$.hints[?(@.name == '" + name + "')].values[*].description"))
                .hasSameSizeAs(constants);
    }

    @Test
    void namesOfLockersAreCompleted() {
        assertThat(JsonPath.<List<String>>read(
                        metadata, "$.hints[?(@.name == 'keyedlock.locks.keys')].providers[*].parameters.target"))
                .containsExactly("io.keyedlock.KeyedLocker");
    }

    @Test
    void lockersAreDocumentedWithTheSameNamesAsTheDefaults() {
        assertThat(KeyedLockProperties.Locker.class.getRecordComponents())
                .extracting(RecordComponent::getName)
                .hasSameSizeAs(OF_LOCKER);
        assertThat(names())
                .containsAll(
                        OF_LOCKER.stream().map("keyedlock.defaults."::concat).toList());
    }

    @Test
    void theConfigurationPageHasEveryPropertyAndNoOther() throws IOException {
        String page = Files.readString(Path.of("../docs/configuration.md"));
        Set<String> documented = page.lines()
                .filter(line -> line.startsWith("| `"))
                .map(line -> line.substring(3, line.indexOf('`', 3)))
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> expected = new TreeSet<>(names());
        expected.remove("keyedlock.locks");
        OF_LOCKER.forEach(name -> expected.add("keyedlock.locks.<name>." + name));
        expected.removeIf(name -> name.startsWith("management.endpoint.keyedlocks.")
                && !name.endsWith(".show-keys")
                && !name.endsWith(".page")
                && !name.endsWith(".roles"));
        assertThat(documented).containsExactlyElementsOf(expected);
    }

    private List<String> values(String name) {
        return JsonPath.read(metadata, "$.hints[?(@.name == '" + name + "')].values[*].value");
    }

    private Set<String> names() {
        return properties().stream()
                .map(property -> (String) property.get("name"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private List<Map<String, Object>> properties() {
        return JsonPath.read(metadata, "$.properties[*]");
    }

    private static String read(String resource) {
        try (InputStream stream = KeyedLockProperties.class.getClassLoader().getResourceAsStream(resource)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
