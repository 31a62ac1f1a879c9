// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.options.ColorScheme;
import io.keyedlock.KeyedLocker;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;

/** Takes the pictures of the documentation, of an application in use. */
@SpringBootTest(
        classes = Shop.class,
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {
            "spring.main.web-application-type=servlet",
            "management.endpoints.web.exposure.include=keyedlocks",
            "keyedlock.locks.orders.limit=1",
            "keyedlock.locks.tenants.limit=3",
            "keyedlock.locks.invoices.limit=1",
            "keyedlock.locks.stock.limit=1",
            "keyedlock.locks.exports.limit=2",
            "keyedlock.locks.shipments.limit=1",
            "keyedlock.long-hold.threshold=3s"
        })
class PictureTests extends BrowserTests {

    private static final List<String> CUSTOMERS = List.of("globex", "initech", "umbrella", "hooli", "stark", "wayne");

    private final ExecutorService users = Executors.newFixedThreadPool(12);

    private volatile boolean ended;

    @Override
    void close() {
        ended = true;
        users.shutdown();
        try {
            assertThat(users.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void theViewFitsScreensOfAllSizes() {
        hold("tenants", "acme", "http-exec-3", "http-exec-5", "http-exec-6", "http-exec-8", "http-exec-9", "report-1");
        hold("orders", "order-1042", "http-exec-12", "http-exec-14", "http-exec-17");
        hold("exports", "2026-11", "export-1");
        for (int n = 0; n < 12; n++) {
            Random random = new Random(n);
            users.execute(() -> use(random));
        }
        open("http://localhost:" + port + "/actuator/keyedlocks", 1440, 1100, LIGHT);
        assertThat(key("acme").locator(".age.long")).hasCount(1);
        awaitCharts();
        picture("live-light.png");
        assertNothingIsCutOff();
        key("acme").locator("button").click();
        assertThat(dialog().locator("pre").first()).isVisible();
        picture("live-key.png");

        open("http://localhost:" + port + "/actuator/keyedlocks", 1920, 1080, ColorScheme.DARK);
        awaitCharts();
        picture("live-dark.png");
        assertNothingIsCutOff();

        open("http://localhost:" + port + "/actuator/keyedlocks", 390, 844, LIGHT);
        assertThat(key("acme").locator(".age.long")).hasCount(1);
        page.locator("#key-filter").scrollIntoViewIfNeeded();
        picture("live-phone.png");
        assertNothingIsCutOff();
    }

    /** Waits for about twenty points of a chart, so that its lines can be seen. */
    private void awaitCharts() {
        assertThat(page.locator(".chart > svg path").first()).hasAttribute("d", Pattern.compile(".{260,}"));
    }

    private void use(Random random) {
        while (!ended) {
            KeyedLocker<String> locker = lockers.get(random.nextBoolean() ? "orders" : "invoices");
            String key = random.nextInt(3) == 0
                    ? "order-" + random.nextInt(2000)
                    : CUSTOMERS.get(random.nextInt(CUSTOMERS.size()));
            try {
                locker.tryAcquire(key, Duration.ofMillis(150)).ifPresent(permit -> {
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20 + random.nextInt(120)));
                    permit.close();
                });
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
