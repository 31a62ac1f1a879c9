// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Import;
import org.springframework.test.context.ActiveProfiles;

/** Limits that change while reports wait, where the profile allows it. */
@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = "keyedlock.locks.tenants.wait-time=10m")
@ActiveProfiles("limits")
@Import(GatedReports.class)
class TenantLimitsTests {

    @Autowired
    GatedReports.Writer writer;

    @Autowired
    KeyedLockerRegistry lockers;

    @Value("${local.server.port}")
    int port;

    private KeyedLocker<String> tenants;
    private Http http;

    @BeforeAll
    static void bePatientOnABusyMachine() {
        Awaitility.setDefaultTimeout(Duration.ofMinutes(2));
    }

    @BeforeEach
    void connect() {
        http = new Http(port);
        tenants = lockers.get("tenants");
        writer.closeGate();
    }

    @AfterEach
    void nothingStaysLocked() {
        writer.openGate();
        await().until(() -> tenants.activeKeyCount() == 0);
    }

    private List<CompletableFuture<HttpResponse<String>>> tenReportsOf(String tenant) {
        List<CompletableFuture<HttpResponse<String>>> reports = IntStream.range(0, 10)
                .mapToObj(n -> http.postAsync("/tenants/" + tenant + "/reports"))
                .toList();
        await().until(() -> tenants.snapshot(tenant)
                .filter(all -> all.holders().size() + all.waiters().size() == 10)
                .isPresent());
        return reports;
    }

    @Test
    void tenthReportIsAdmittedWithoutARestart() throws Exception {
        List<CompletableFuture<HttpResponse<String>>> reports = tenReportsOf("acme");
        await().until(() -> writer.inside("acme") == 3);
        assertThat(Http.number(http.get("/tenants/acme/limit"), "$.limit")).isEqualTo(3);

        HttpResponse<String> changed = http.put("/tenants/acme/limit", "{\"limit\": 10}");

        assertThat(Http.number(changed, "$.limit")).isEqualTo(10);
        await().until(() -> writer.inside("acme") == 10);
        assertThat(Http.number(http.get("/actuator/keyedlocks/tenants?key=acme"), "$.limit"))
                .isEqualTo(10);
        assertThat(Http.number(http.get("/tenants/globex/limit"), "$.limit")).isEqualTo(3);
        writer.openGate();
        assertThat(reports)
                .allSatisfy(report -> assertThat(report.join().statusCode()).isEqualTo(200));
    }

    @Test
    void limitOfAllTenantsIsChangedByTheEndpoint() throws Exception {
        List<CompletableFuture<HttpResponse<String>>> reports = tenReportsOf("initech");

        assertThat(http.post("/actuator/keyedlocks/tenants", "{\"limit\": 5}").statusCode())
                .isEqualTo(200);

        await().until(() -> writer.inside("initech") == 5);
        writer.openGate();
        assertThat(reports)
                .allSatisfy(report -> assertThat(report.join().statusCode()).isEqualTo(200));
        assertThat(http.post("/actuator/keyedlocks/tenants", "{\"limit\": 3}").statusCode())
                .isEqualTo(200);
    }

    @Test
    void limitThatAdmitsNobodyIsRejected() throws Exception {
        assertThat(http.put("/tenants/acme/limit", "{\"limit\": 0}").statusCode())
                .isEqualTo(400);
    }
}
