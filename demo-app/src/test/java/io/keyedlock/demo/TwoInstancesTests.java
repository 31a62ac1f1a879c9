// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.demo.postgres.PostgresServer;
import io.keyedlock.demo.redis.RedisServer;
import io.keyedlock.demo.servers.EmbeddedServer;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/** Two instances of the demo under the profile {@code redis} or {@code postgres}. */
@Timeout(300)
class TwoInstancesTests {

    @ParameterizedTest
    @CsvSource({"redis, redis", "postgres, jdbc"})
    void threeReportsOfATenantRunAcrossAllInstances(String profile, String backend, @TempDir Path directory)
            throws Exception {
        EmbeddedServer server = profile.equals("redis") ? new RedisServer() : new PostgresServer();
        String address = server.start(directory);
        try (ConfigurableApplicationContext one = start(profile, address);
                ConfigurableApplicationContext other = start(profile, address)) {
            GatedReports.Writer writer = one.getBean(GatedReports.Writer.class);
            writer.closeGate();
            List<CompletableFuture<HttpResponse<String>>> three = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                three.add(http(one).postAsync("/tenants/acme/reports"));
            }
            await().atMost(Duration.ofMinutes(2)).until(() -> writer.inside("acme") == 3);

            assertThat(http(other).post("/tenants/acme/reports?wait=false").statusCode())
                    .isEqualTo(429);
            assertThat(http(other).post("/tenants/globex/reports?wait=false").statusCode())
                    .isEqualTo(200);
            CompletableFuture<HttpResponse<String>> waits = http(other).postAsync("/tenants/acme/reports");
            KeyedLocker<String> there = other.getBean(KeyedLockerRegistry.class).get("tenants");
            await().atMost(Duration.ofMinutes(2)).until(() -> there.overview(0).waiters() == 1);
            HttpResponse<String> shown = http(other).get("/actuator/keyedlocks");
            assertThat(Http.text(shown, "$.lockers.tenants.backend")).isEqualTo(backend);
            assertThat(Http.number(shown, "$.lockers.tenants.holders")).isZero();

            HttpResponse<String> key = http(other).get("/actuator/keyedlocks/tenants?key=acme");
            assertThat(Http.number(key, "$.elsewhere.length()")).isEqualTo(3);
            assertThat(Http.text(key, "$.elsewhere[0].owner")).startsWith("keyedlock-demo");

            writer.openGate();
            for (CompletableFuture<HttpResponse<String>> report : three) {
                assertThat(report.get().statusCode()).isEqualTo(200);
            }
            assertThat(waits.get().statusCode()).isEqualTo(200);
        } finally {
            server.stop();
        }
    }

    private static ConfigurableApplicationContext start(String profile, String address) {
        String option = profile.equals("redis") ? "--demo.redis.address=" : "--spring.datasource.url=";
        return new SpringApplicationBuilder(DemoApplication.class, GatedReports.class)
                .profiles(profile, "ci")
                .run(
                        option + address,
                        // No outage is tested, so a slow first call on a busy machine is allowed.
                        "--keyedlock.defaults.backend-timeout=60s",
                        "--keyedlock.locks.tenants.wait-time=10m",
                        "--spring.jmx.enabled=false",
                        "--spring.datasource.generate-unique-name=true");
    }

    private static Http http(ConfigurableApplicationContext context) {
        return new Http(context.getEnvironment().getRequiredProperty("local.server.port", Integer.class));
    }
}
