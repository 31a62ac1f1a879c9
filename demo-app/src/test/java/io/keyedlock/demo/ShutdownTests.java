// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.demo.threats.SecurityEvent;
import io.keyedlock.demo.threats.Threat;
import io.keyedlock.demo.threats.ThreatScores;
import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;

@ExtendWith(OutputCaptureExtension.class)
@Timeout(300)
class ShutdownTests {

    @BeforeAll
    static void bePatientOnABusyMachine() {
        Awaitility.setDefaultTimeout(Duration.ofMinutes(2));
    }

    @Test
    void stoppingWhileFiftyRequestsHoldKeysLosesNone() {
        ConfigurableApplicationContext context = start();
        Http http = http(context);
        GatedReports.Writer writer = context.getBean(GatedReports.Writer.class);
        KeyedLocker<String> tenants = lockers(context).get("tenants");
        writer.closeGate();
        List<CompletableFuture<HttpResponse<String>>> requests = IntStream.range(0, 50)
                .mapToObj(n -> http.postAsync("/tenants/tenant-" + n % 25 + "/reports"))
                .toList();
        await().until(() -> tenants.overview(0).holders() == 50);

        CompletableFuture<Void> stopping = CompletableFuture.runAsync(context::close);
        await().until(() -> refusesConnections(http));
        assertThat(requests).noneMatch(CompletableFuture::isDone);
        writer.openGate();

        assertThat(requests)
                .allSatisfy(request -> assertThat(request.join().statusCode()).isEqualTo(200));
        stopping.join();
    }

    @Test
    void workOfAPlainThreadEndsBeforeTheDatabaseIsClosed() throws Exception {
        ConfigurableApplicationContext context = start();
        KeyedLocker<String> addresses = lockers(context).get("addresses");
        ThreatScores scores = context.getBean(ThreatScores.class);
        DataSource database = context.getBean(DataSource.class);
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch gate = new CountDownLatch(1);
        CompletableFuture<Threat> work = new CompletableFuture<>();
        Thread worker = new Thread(() -> {
            try {
                work.complete(addresses.call("198.51.100.7", () -> {
                    inside.countDown();
                    gate.await();
                    return scores.addUnderLock(new SecurityEvent("198.51.100.7", 42));
                }));
            } catch (Exception failure) {
                work.completeExceptionally(failure);
            }
        });
        worker.start();
        inside.await();

        CompletableFuture<Void> stopping = CompletableFuture.runAsync(context::close);
        await().during(Duration.ofMillis(500)).until(() -> {
            database.getConnection().close();
            return !stopping.isDone();
        });
        gate.countDown();

        assertThat(work.join().score()).isEqualTo(42);
        stopping.join();
    }

    @Test
    void holderThatNeverEndsIsNamedAndDoesNotPreventShutdown(CapturedOutput output) throws Exception {
        ConfigurableApplicationContext context = start(
                "--spring.profiles.active=ci",
                "--keyedlock.shutdown.await-idle=300ms",
                // The holder outlives this test and would be reported during others.
                "--keyedlock.long-hold.threshold=0");
        assertThat(http(context).post("/tenants/stuck/endless-reports").statusCode())
                .isEqualTo(202);
        KeyedLocker<String> tenants = lockers(context).get("tenants");
        await().until(() -> tenants.isActive("stuck"));

        context.close();

        assertThat(output.getAll().lines().filter(line -> line.contains("stuck") && line.contains("endless-report")))
                .as("a line that names the key and its holder")
                .isNotEmpty();
    }

    private static ConfigurableApplicationContext start(String... more) {
        String[] args = new String[more.length + 1];
        args[0] = "--server.port=0";
        System.arraycopy(more, 0, args, 1, more.length);
        return new SpringApplicationBuilder(DemoApplication.class, GatedReports.class)
                // A stop may take as long as the work in flight.
                .properties("keyedlock.shutdown.await-idle=2m", "spring.lifecycle.timeout-per-shutdown-phase=3m")
                .run(args);
    }

    private static Http http(ConfigurableApplicationContext context) {
        return new Http(context.getEnvironment().getRequiredProperty("local.server.port", Integer.class));
    }

    private static KeyedLockerRegistry lockers(ConfigurableApplicationContext context) {
        return context.getBean(KeyedLockerRegistry.class);
    }

    private static boolean refusesConnections(Http http) throws InterruptedException {
        try {
            http.get("/actuator/health");
            return false;
        } catch (ConnectException refused) {
            return true;
        } catch (IOException cutOff) {
            // A connection that was open when the server stopped.
            return false;
        }
    }
}
