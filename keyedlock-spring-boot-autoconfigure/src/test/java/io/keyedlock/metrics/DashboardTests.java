// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import com.jayway.jsonpath.JsonPath;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener.HoldTiming;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.yaml.snakeyaml.Yaml;

/** The meters in the dashboard, the alert rules and the table of meters match those of a Prometheus registry. */
class DashboardTests {

    private static final Path DOCS = Path.of("../docs");
    private static final Pattern SERIES = Pattern.compile("(keyedlock_\\w+)(?:\\{([^}]*)})?");
    private static final Pattern LABEL = Pattern.compile("(\\w+)(?:=~?|!=|!~)\"([^\"]*)\"");
    private static final Pattern GROUPING = Pattern.compile("\\b(?:by|without)\\s*\\(([^)]*)\\)");

    /** The labels of each series and their values. */
    private static final Map<String, Map<String, Set<String>>> PRINTED = new HashMap<>();

    @BeforeAll
    static void print() throws Exception {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        KeyedLockerMetrics metrics = new KeyedLockerMetrics(HoldTiming.EXACT);
        metrics.bindTo(registry);
        KeyedLocker<String> orders =
                KeyedLocker.create(KeyedLockerSettings.defaults().withName("orders"), metrics);
        metrics.add("orders", orders);
        Permit permit = orders.acquire("42");
        CompletableFuture<Permit> waiting = orders.acquireAsync("42");
        permit.close();
        waiting.join().close();
        registry.scrape().lines().filter(line -> !line.startsWith("#")).forEach(line -> {
            Matcher series = SERIES.matcher(line);
            assertThat(series.lookingAt()).as(line).isTrue();
            Map<String, Set<String>> labels = PRINTED.computeIfAbsent(series.group(1), name -> new HashMap<>());
            Matcher label = LABEL.matcher(series.group(2));
            while (label.find()) {
                labels.computeIfAbsent(label.group(1), name -> new TreeSet<>()).add(label.group(2));
            }
        });
    }

    @Test
    void theDashboardNamesOnlyWhatIsPrinted() throws IOException {
        String dashboard = Files.readString(DOCS.resolve("grafana/keyedlock.json"));
        List<String> queries = new ArrayList<>(JsonPath.<List<String>>read(dashboard, "$.panels[*].targets[*].expr"));
        assertThat(queries).isNotEmpty().allSatisfy(DashboardTests::namesOnlyWhatIsPrinted);
        assertThat(JsonPath.<List<String>>read(dashboard, "$.templating.list[*].query.query"))
                .isNotEmpty()
                .allSatisfy(query -> assertThat(query).contains("keyedlock_keys_active, lock"));
        String all = String.join("\n", queries);
        for (KeyedLockMeter meter : KeyedLockMeter.values()) {
            assertThat(all).contains(meter.meterName().replace('.', '_'));
        }
    }

    @Test
    void theAlertRulesNameOnlyWhatIsPrinted() throws IOException {
        Map<String, List<Map<String, List<Map<String, Object>>>>> rules =
                new Yaml().load(Files.readString(DOCS.resolve("prometheus/keyedlock-alerts.yml")));
        List<Map<String, Object>> alerts = rules.get("groups").get(0).get("rules");
        assertThat(alerts)
                .extracting(alert -> alert.get("alert"))
                .containsExactly(
                        "KeyedlockStuck",
                        "KeyedlockManyWaiters",
                        "KeyedlockWaitersGrow",
                        "KeyedlockLongHolds",
                        "KeyedlockRejections",
                        "KeyedlockTimeouts",
                        "KeyedlockBackendDown",
                        "KeyedlockBackendFailures",
                        "KeyedlockLeasesLost");
        assertThat(alerts).allSatisfy(alert -> {
            namesOnlyWhatIsPrinted((String) alert.get("expr"));
            assertThat(alert).containsKeys("for", "labels", "annotations");
        });
    }

    @Test
    void theTableOfMetersIsThatOfTheEnum() throws IOException {
        String page = Files.readString(DOCS.resolve("meters.md"));
        List<String> table = page.substring(0, page.indexOf("The tag `outcome`"))
                .lines()
                .filter(line -> line.startsWith("| `keyedlock."))
                .toList();
        assertThat(table)
                .containsExactlyElementsOf(Arrays.stream(KeyedLockMeter.values())
                        .map(DashboardTests::row)
                        .toList());
        for (Map.Entry<String, Map<String, Set<String>>> series : PRINTED.entrySet()) {
            assertThat(page).contains("`" + series.getKey() + "`");
        }
        assertThat(PRINTED.get("keyedlock_acquire_seconds_count").get("outcome"))
                .allSatisfy(outcome -> assertThat(page).contains("`" + outcome + "`"));
    }

    private static String row(KeyedLockMeter meter) {
        return "| `" + meter.meterName() + "` | " + meter.type() + " | "
                + meter.tags().stream().map(tag -> "`" + tag + "`").collect(Collectors.joining(", ")) + " | "
                + meter.description() + " |";
    }

    private static void namesOnlyWhatIsPrinted(String query) {
        Matcher series = SERIES.matcher(query);
        // Prometheus adds the job, and management.metrics.tags the application.
        Set<String> labels = new TreeSet<>(Set.of("application", "job"));
        int found = 0;
        while (series.find()) {
            found++;
            assertThat(PRINTED).as(query).containsKey(series.group(1));
            Map<String, Set<String>> printed = PRINTED.get(series.group(1));
            labels.addAll(printed.keySet());
            Matcher label = LABEL.matcher(series.group(2) == null ? "" : series.group(2));
            while (label.find()) {
                assertThat(printed).as(query).containsKey(label.group(1));
                if (label.group(1).equals(KeyedLockMeter.OUTCOME)) {
                    assertThat(printed.get(label.group(1)))
                            .containsAll(Arrays.asList(label.group(2).split("\\|", -1)));
                }
            }
        }
        assertThat(found).as(query).isPositive();
        Matcher grouping = GROUPING.matcher(query);
        while (grouping.find()) {
            for (String label : grouping.group(1).split("\\s*,\\s*", -1)) {
                assertThat(labels).as(query).contains(label.trim());
            }
        }
    }
}
