// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.OperatingSystemMXBean;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

/** Prints the cost of the page for server and browser with 200 lockers, 10,000 active keys and 100,000 waiters. */
@Tag("stress")
@SpringBootTest(
        classes = Shop.class,
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {
            "spring.main.web-application-type=servlet",
            "management.endpoints.web.exposure.include=keyedlocks",
            "keyedlock.locks.shipments.limit=1",
            "keyedlock.defaults.wait-time=forever",
            "keyedlock.long-hold.threshold=0s",
            "keyedlock.shutdown.await-idle=0s",
            "spring.jmx.enabled=false"
        })
class FiguresTests extends BrowserTests {

    private static final int LOCKERS = 200;
    private static final int KEYS = 50;
    private static final int WAITERS = 10;
    private static final int POLLS = 200;

    /** The times between frames, in milliseconds, for ten seconds. */
    private static final String FRAMES = """
            () => new Promise(resolve => {
              const times = [];
              let last = performance.now();
              const end = last + 10_000;
              const frame = now => {
                times.push(now - last);
                last = now;
                now < end ? requestAnimationFrame(frame) : resolve(times.slice(1));
              };
              requestAnimationFrame(frame);
            })""";

    @Autowired
    KeyedLockerRegistry registry;

    @DynamicPropertySource
    static void manyLockers(DynamicPropertyRegistry properties) {
        for (int n = 0; n < LOCKERS - 1; n++) {
            properties.add("keyedlock.locks.locker-" + n + ".limit", () -> 1);
        }
    }

    @Test
    void costOfThePageWithManyLockersKeysAndWaiters() throws Exception {
        for (String name : registry.names()) {
            KeyedLocker<String> locker = registry.get(name);
            for (int key = 0; key < KEYS; key++) {
                for (int n = 0; n <= WAITERS; n++) {
                    locker.acquireAsync(name + "/key-" + key);
                }
            }
        }
        measurePolls();
        open("http://localhost:" + port + "/actuator/keyedlocks", 1440, 1000, LIGHT);
        assertThat(page.locator(".stats")).containsText("10,000");
        assertThat(page.locator(".stats")).containsText("100,000");
        assertThat(page.locator("[data-locker]")).hasCount(LOCKERS);
        print("frames", frames());
        page.getByLabel("Filter by key").fill("key-17");
        assertThat(page.locator(".note")).containsText("of 200");
        print("frames with a filter", frames());
    }

    private double[] frames() {
        return ((List<?>) page.evaluate(FRAMES))
                .stream().mapToDouble(each -> ((Number) each).doubleValue()).toArray();
    }

    private void measurePolls() throws Exception {
        Map<String, String> queries = Map.of("polls", "", "polls with a filter", "?text=key-17");
        HttpClient client = HttpClient.newHttpClient();
        OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        for (Map.Entry<String, String> query : queries.entrySet()) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(
                            "http://localhost:" + port + "/actuator/keyedlocks/page/state" + query.getValue()))
                    .build();
            double[] millis = new double[POLLS];
            int bytes = 0;
            long cpu = 0;
            // The first half warms up.
            for (int n = -POLLS; n < POLLS; n++) {
                if (n == 0) {
                    cpu = system.getProcessCpuTime();
                }
                long begin = System.nanoTime();
                HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
                if (n >= 0) {
                    millis[n] = (System.nanoTime() - begin) / 1e6;
                }
                assertThat(answer.statusCode()).isEqualTo(200);
                bytes = answer.body().length();
            }
            print(query.getKey(), millis);
            System.out.printf(
                    "%s: %d bytes, %.2f ms of processor time each, client included%n",
                    query.getKey(), bytes, (system.getProcessCpuTime() - cpu) / 1e6 / POLLS);
        }
    }

    private static void print(String what, double[] millis) {
        Arrays.sort(millis);
        assertThat(millis.length).isPositive();
        System.out.printf(
                "%s: %d, median %.1f ms, 99 of 100 within %.1f ms, longest %.1f ms%n",
                what,
                millis.length,
                millis[millis.length / 2],
                millis[(int) Math.ceil(millis.length * .99) - 1],
                millis[millis.length - 1]);
    }
}
