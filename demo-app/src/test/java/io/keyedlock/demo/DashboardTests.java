// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Import;

/** The meters in the dashboard and the alert rules match those that the demo exposes to Prometheus. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = "management.prometheus.metrics.export.enabled=true")
@Import(GatedReports.class)
class DashboardTests {

    /** A meter with its tags, if any. */
    private static final Pattern METER = Pattern.compile("\\b(keyedlock_[a-z_]+)(?:\\{([^}]*)})?");

    private static final Pattern TAG = Pattern.compile("([a-z_]+)\\s*(?:=~|!=|!~|=)");

    private static final Pattern GROUPING = Pattern.compile("by \\(([a-z_, ]+)\\)");

    @Value("${local.server.port}")
    int port;

    @ParameterizedTest
    @ValueSource(strings = {"grafana/keyedlock.json", "prometheus/keyedlock-alerts.yml"})
    void eachMeterAndTagIsAmongThoseOfTheDemo(String file) throws Exception {
        String asked = Files.readString(Path.of("../docs").resolve(file));
        String printed = new Http(port).get("/actuator/prometheus").body();
        Matcher meters = METER.matcher(asked);
        int found = 0;
        while (meters.find()) {
            found++;
            assertThat(printed).containsPattern("(?m)^" + meters.group(1) + "[{ ]");
            Matcher tags = TAG.matcher(meters.group(2) == null ? "" : meters.group(2));
            while (tags.find()) {
                assertThat(printed)
                        .as(meters.group())
                        .containsPattern("(?m)^" + meters.group(1) + "\\{[^}]*\\b" + tags.group(1) + "=\"");
            }
        }
        assertThat(found).isGreaterThan(3);
        Matcher groupings = GROUPING.matcher(asked);
        while (groupings.find()) {
            for (String tag : groupings.group(1).split(", *", -1)) {
                // Prometheus adds the job, and management.metrics.tags the application.
                if (List.of("application", "job").contains(tag)) {
                    continue;
                }
                assertThat(printed).containsPattern("(?m)^keyedlock_[^\\n]*\\b" + tag + "=\"");
            }
        }
    }
}
