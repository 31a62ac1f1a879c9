// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;

/** All threads of the web server wait for one key, and the page on the management port shows who holds it. */
@SpringBootTest(
        classes = Shop.class,
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {
            "spring.main.web-application-type=servlet",
            "management.server.port=0",
            "management.endpoints.web.exposure.include=keyedlocks",
            "keyedlock.locks.shipments.wait-time=5m",
            "keyedlock.long-hold.threshold=500ms"
        })
class HangTests extends BrowserTests {

    private static final int THREADS = 200;

    private static final int REQUESTS = 210;

    @Autowired
    Shop.Shipping shipping;

    @Value("${local.management.port}")
    int managementPort;

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    @Test
    void thePageOnTheManagementPortNamesTheHolderWhileTheMainPortIsSilent() throws Exception {
        CompletableFuture<?>[] requests = Stream.generate(
                        () -> client.sendAsync(ship("42"), HttpResponse.BodyHandlers.ofString()))
                .limit(REQUESTS)
                .toArray(CompletableFuture<?>[]::new);
        try {
            Awaitility.await()
                    .atMost(Duration.ofMinutes(1))
                    .until(() -> lockers.get("shipments").overview(0).waiters() == THREADS - 1);
            assertThatThrownBy(() -> client.send(
                            HttpRequest.newBuilder(ship("other"), (name, value) -> true)
                                    .timeout(Duration.ofSeconds(1))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString()))
                    .isInstanceOf(HttpTimeoutException.class);

            openEmpty(1280, 900, LIGHT);
            long begin = System.nanoTime();
            visit("http://localhost:" + managementPort + "/actuator/keyedlocks");
            key("42").locator("button").click();
            assertThat(dialog().locator(".thread").first()).hasText(Pattern.compile("http-nio-.*-exec-\\d+"));
            System.out.printf(
                    "%d requests on %d threads: the page named the holder %d ms after it was requested%n",
                    REQUESTS, THREADS, (System.nanoTime() - begin) / 1_000_000);

            assertThat(dialog().locator(".summary")).hasText("1 holder, 199 waiters");
            assertThat(dialog().locator("pre").first()).containsText("Shop$Shipping.ship");
            assertThat(dialog()).containsText("and 99 more");
            picture("hang.png");
        } finally {
            shipping.releaseAll();
            CompletableFuture.allOf(requests).join();
        }
        assertThat(requests)
                .allSatisfy(request ->
                        assertThat(((HttpResponse<?>) request.join()).body()).isEqualTo("shipped"));
    }

    private HttpRequest ship(String id) {
        return HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/ship?id=" + id))
                .build();
    }
}
