// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.demo.load.EventLoad;
import io.keyedlock.demo.load.LoadPlan;
import io.keyedlock.demo.load.LoadResult;
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

@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = {
            "management.prometheus.metrics.export.enabled=true",
            // Longer than any wait here: callers queue until the test has seen all of them.
            "keyedlock.locks.tenants.wait-time=10m"
        })
@Import(GatedReports.class)
class DemoApplicationTests {

    @Autowired
    GatedReports.Writer writer;

    @Autowired
    KeyedLockerRegistry lockers;

    @Autowired
    EventLoad load;

    @Value("${local.server.port}")
    int port;

    Http http;

    @BeforeAll
    static void bePatientOnABusyMachine() {
        Awaitility.setDefaultTimeout(Duration.ofMinutes(2));
    }

    @BeforeEach
    void connect() {
        http = new Http(port);
    }

    @AfterEach
    void nothingStaysLocked() {
        writer.openGate();
        for (String name : lockers.names()) {
            await().untilAsserted(
                            () -> assertThat(lockers.get(name).activeKeys()).isEmpty());
        }
    }

    @Test
    void eventsAddUpAndBlockTheAddressAtOneHundred() throws Exception {
        HttpResponse<String> first = http.postEvent(true, event("203.0.113.1", 60));
        assertThat(first.statusCode()).isEqualTo(200);
        assertThat(Http.number(first, "$.threat.score")).isEqualTo(60);
        assertThat(Http.flag(first, "$.threat.blocked")).isFalse();

        http.postEvent(false, event("203.0.113.1", 39));
        assertThat(Http.flag(http.get("/addresses/203.0.113.1"), "$.blocked")).isFalse();

        HttpResponse<String> last = http.postEvent(true, event("203.0.113.1", 1));
        assertThat(Http.flag(last, "$.threat.blocked")).isTrue();
        HttpResponse<String> found = http.get("/addresses/203.0.113.1");
        assertThat(Http.number(found, "$.score")).isEqualTo(100);
        assertThat(Http.text(found, "$.blockedAt")).isNotBlank();
    }

    @Test
    void twoSpellingsOfAnAddressAreOneAddress() throws Exception {
        http.postEvent(true, event("2001:db8::1", 10));
        HttpResponse<String> second = http.postEvent(true, event("2001:0DB8:0:0:0:0:0:1", 5));
        assertThat(Http.number(second, "$.threat.score")).isEqualTo(15);
    }

    @Test
    void invalidEventIsRejectedWithWhatToSendInstead() throws Exception {
        for (String wrong : List.of("{}", event("localhost", 5), event("1.2.3.999", 5), event("1.2.3.4", 0))) {
            HttpResponse<String> answer = http.postEvent(true, wrong);
            assertThat(answer.statusCode()).as(wrong).isEqualTo(400);
            assertThat(Http.text(answer, "$.detail")).contains("; send ");
        }
        assertThat(http.get("/addresses/203.0.113.250").statusCode()).isEqualTo(404);
    }

    @Test
    void concurrentEventsUnderTheLockNeverConflict() throws Exception {
        HttpResponse<String> before = http.get("/events/counts");

        List<HttpResponse<String>> answers = sixtyEvents(true, "203.0.113.2");

        assertThat(answers).allSatisfy(answer -> {
            assertThat(answer.statusCode()).isEqualTo(200);
            assertThat(Http.number(answer, "$.retries")).isZero();
        });
        assertThat(Http.number(http.get("/addresses/203.0.113.2"), "$.score")).isEqualTo(120);
        HttpResponse<String> after = http.get("/events/counts");
        assertThat(Http.number(after, "$.withLock.events")).isEqualTo(Http.number(before, "$.withLock.events") + 60);
        assertThat(Http.number(after, "$.withLock.conflicts")).isZero();
        assertThat(Http.number(after, "$.withLock.retries")).isZero();
    }

    @Test
    void concurrentEventsWithoutTheLockConflictButAreNotLost() throws Exception {
        boolean retried = false;
        // Whether events overlap depends on the machine.
        for (int round = 1; round <= 100 && !retried; round++) {
            List<HttpResponse<String>> answers = sixtyEvents(false, "203.0.113.3");

            assertThat(answers)
                    .allSatisfy(answer -> assertThat(answer.statusCode()).isEqualTo(200));
            assertThat(Http.number(http.get("/addresses/203.0.113.3"), "$.score"))
                    .isEqualTo(round * 120);
            retried = answers.stream().anyMatch(answer -> Http.number(answer, "$.retries") > 0);
        }
        assertThat(retried).isTrue();
    }

    @Test
    void loadUnderTheLockHasNoConflictAndLosesNothing() throws Exception {
        LoadResult result = load.run(new LoadPlan(600, 20, 32), true, done -> {});

        assertThat(result.conflicts()).isZero();
        assertThat(result.retries()).isZero();
        assertThat(result.lostUpdates()).isZero();
        assertThat(result.asExpected()).isTrue();
    }

    @Test
    void loadWithoutTheLockConflictsAndLosesNothing() throws Exception {
        LoadResult result = load.run(new LoadPlan(600, 20, 32), false, done -> {});

        assertThat(result.conflicts()).isPositive();
        assertThat(result.retries()).isEqualTo(result.conflicts());
        assertThat(result.lostUpdates()).isZero();
        assertThat(result.asExpected()).isTrue();
    }

    @Test
    void threeReportsOfATenantRunAtOnceWhileOtherTenantsRunToo() {
        writer.closeGate();
        List<CompletableFuture<HttpResponse<String>>> calls = reports("acme", 24);
        KeyedLocker<String> tenants = lockers.get("tenants");
        await().until(() -> tenants.snapshot("acme")
                .filter(acme -> acme.waiters().size() == 21)
                .isPresent());
        await().until(() -> writer.inside("acme") == 3);

        CompletableFuture<HttpResponse<String>> other = http.postAsync("/tenants/globex/reports");
        await().until(() -> writer.inside("globex") == 1);

        writer.openGate();
        assertThat(calls)
                .allSatisfy(call -> assertThat(call.join().statusCode()).isEqualTo(200));
        assertThat(other.join().statusCode()).isEqualTo(200);
        assertThat(writer.peak("acme")).isEqualTo(3);
    }

    @Test
    void fourthReportIsRejectedIfItAsksNotToWait() throws Exception {
        writer.closeGate();
        List<CompletableFuture<HttpResponse<String>>> three = reports("initech", 3);
        await().until(() -> writer.inside("initech") == 3);

        HttpResponse<String> fourth = http.post("/tenants/initech/reports?wait=false");

        assertThat(fourth.statusCode()).isEqualTo(429);
        assertThat(fourth.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        assertThat(fourth.headers().firstValueAsLong("Retry-After").orElse(0)).isPositive();
        writer.openGate();
        assertThat(three)
                .allSatisfy(call -> assertThat(call.join().statusCode()).isEqualTo(200));
        await().until(() -> !lockers.get("tenants").isActive("initech"));
        assertThat(http.post("/tenants/initech/reports?wait=false").statusCode())
                .isEqualTo(200);
    }

    @Test
    void endpointAndMetersShowBothLockers() throws Exception {
        writer.closeGate();
        CompletableFuture<HttpResponse<String>> report = http.postAsync("/tenants/umbrella/reports");
        await().until(() -> writer.inside("umbrella") == 1);

        HttpResponse<String> endpoint = http.get("/actuator/keyedlocks");
        assertThat(Http.number(endpoint, "$.lockers.addresses.limit")).isEqualTo(1);
        assertThat(Http.number(endpoint, "$.lockers.tenants.limit")).isEqualTo(3);
        assertThat(Http.text(endpoint, "$.lockers.tenants.keys[0].key")).isEqualTo("umbrella");
        assertThat(http.get("/actuator/metrics/keyedlock.holders?tag=lock:tenants")
                        .body())
                .contains("\"value\":1.0");

        writer.openGate();
        assertThat(report.join().statusCode()).isEqualTo(200);
        assertThat(http.get("/actuator/prometheus").body())
                .contains("keyedlock_acquire_seconds_count{lock=\"tenants\",outcome=\"acquired\"}");
    }

    @Test
    void oneRunAtATimeAndItsFiguresAtTheEnd() throws Exception {
        writer.closeGate();
        assertThat(http.post("/uses/reports/runs?way=wait").statusCode()).isEqualTo(202);
        HttpResponse<String> second = http.post("/uses/events/runs?way=lock");
        assertThat(second.statusCode()).isEqualTo(409);
        assertThat(Http.text(http.get("/uses/state"), "$.run.state")).isEqualTo("RUNNING");
        await().until(() -> writer.inside("initech") == 3);

        writer.openGate();

        await().until(() -> Http.text(http.get("/uses/state"), "$.run.state").equals("DONE"));
        assertThat(http.get("/uses/state").body())
                .contains("{\"label\":\"Most at once per tenant\",\"value\":3.0,\"unit\":\"\"}");
    }

    @Test
    void invalidRunIsRejectedWithWhatToSendInstead() throws Exception {
        HttpResponse<String> use = http.post("/uses/nothing/runs?way=lock");
        assertThat(use.statusCode()).isEqualTo(404);
        assertThat(Http.text(use, "$.detail")).contains("[batches, events, reports]");
        HttpResponse<String> way = http.post("/uses/events/runs?way=sideways");
        assertThat(way.statusCode()).isEqualTo(400);
        assertThat(Http.text(way, "$.detail")).contains("[no-lock, lock]");
    }

    private List<CompletableFuture<HttpResponse<String>>> reports(String tenant, int count) {
        return IntStream.range(0, count)
                .mapToObj(n -> http.postAsync("/tenants/" + tenant + "/reports"))
                .toList();
    }

    private List<HttpResponse<String>> sixtyEvents(boolean lock, String address) {
        List<CompletableFuture<HttpResponse<String>>> calls = IntStream.range(0, 60)
                .mapToObj(n -> http.postEventAsync(lock, event(address, 2)))
                .toList();
        return calls.stream().map(CompletableFuture::join).toList();
    }

    private static String event(String address, int severity) {
        return "{\"address\": \"%s\", \"severity\": %d}".formatted(address, severity);
    }
}
