// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import com.jayway.jsonpath.JsonPath;
import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.net.http.HttpResponse;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.test.context.TestPropertySource;

/** The live page over HTTP. The module checks/browser-tests tests it in a browser. */
class LivePageTests {

    private static final String BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    private static final Pattern REFERENCE = Pattern.compile("(?:src|href)=\"([^\"]+)\"|from \"([^\"]+)\"");

    /** The tests for each kind of server. */
    abstract static class Contract extends HttpTests {

        @Autowired
        KeyedLocker<Object> orders;

        @Test
        void browsersGetThePage() {
            HttpResponse<String> page = get("/actuator/keyedlocks", "Accept", BROWSER);
            assertThat(page.statusCode()).isEqualTo(200);
            assertThat(type(page)).isEqualToIgnoringCase("text/html;charset=UTF-8");
            assertThat(page.body())
                    .startsWith("<!doctype html>")
                    .contains("default-src 'none'")
                    .doesNotContain("<script>", "onload=", "style=", "http:", "https:", "unsafe");
        }

        @ParameterizedTest
        @CsvSource({
            "*/*,                                             application/vnd.spring-boot.actuator.v3+json",
            "application/vnd.spring-boot.actuator.v2+json,    application/vnd.spring-boot.actuator.v2+json",
            "application/json,                                application/json"
        })
        void othersGetJson(String accepted, String expected) {
            HttpResponse<String> overview = get("/actuator/keyedlocks", "Accept", accepted);
            assertThat(type(overview)).isEqualTo(expected);
            assertThat(JsonPath.<Map<String, Object>>read(overview.body(), "$.lockers"))
                    .containsOnlyKeys("orders");
        }

        @Test
        void clientsWithoutPreferenceGetJson() {
            HttpResponse<String> overview = get("/actuator/keyedlocks");
            assertThat(type(overview)).isEqualTo("application/vnd.spring-boot.actuator.v3+json");
        }

        @Test
        void everyFileOfThePageIsServed() {
            Set<String> seen = new HashSet<>();
            Deque<String> open = new ArrayDeque<>(List.of("/actuator/keyedlocks"));
            while (!open.isEmpty()) {
                String path = open.pop();
                HttpResponse<String> file = get(path, "Accept", path.endsWith("keyedlocks") ? BROWSER : "*/*");
                assertThat(file.statusCode()).as(path).isEqualTo(200);
                assertThat(type(file)).as(path).startsWith(expectedType(path));
                REFERENCE.matcher(file.body()).results().forEach(found -> {
                    String reference = found.group(1) == null ? found.group(2) : found.group(1);
                    String target = path.substring(0, path.lastIndexOf('/') + 1) + reference.replaceFirst("^\\./", "");
                    if (seen.add(target)) {
                        open.push(target);
                    }
                });
            }
            assertThat(seen).hasSize(9);
        }

        private static String expectedType(String path) {
            return path.endsWith(".js")
                    ? "text/javascript"
                    : path.endsWith(".css") ? "text/css" : path.endsWith(".svg") ? "image/svg+xml" : "text/html";
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "page/page.html",
                    "page/LivePage.class",
                    "page/none",
                    "orders/page.js",
                    "page/..%2FLivePage.class"
                })
        void nothingElseIsServed(String path) {
            assertThat(get("/actuator/keyedlocks/" + path).statusCode()).isBetween(400, 404);
        }

        @Test
        @SuppressWarnings("try") // the permits are only held
        void theStateHasTheMostContendedKeysAndTheRejectedCallers() throws Exception {
            CompletableFuture<Permit> waiter = null;
            try (Permit permit = orders.acquire("42");
                    Permit other = orders.acquire("another")) {
                waiter = orders.acquireAsync("42");
                assertThat(orders.tryAcquireAsync("another")).isCompletedExceptionally();
                String state = get("/actuator/keyedlocks/page/state").body();
                assertThat(JsonPath.<List<String>>read(state, "$.keys[*].key")).containsExactly("42", "another");
                assertThat(JsonPath.<Map<String, Object>>read(state, "$.keys[0]"))
                        .containsEntry("lock", "orders")
                        .containsEntry("holders", 1)
                        .containsEntry("waiters", 1);
                assertThat(JsonPath.<Map<String, Object>>read(state, "$.lockers.orders"))
                        .containsEntry("limit", 1)
                        .containsEntry("backend", "local")
                        .containsEntry("activeKeys", 2)
                        .containsEntry("keysHidden", false);
                assertThat(JsonPath.<Map<String, Object>>read(state, "$.refusals[0]"))
                        .containsEntry("key", "another")
                        .containsEntry("outcome", "rejected");
                assertThat(JsonPath.<Integer>read(state, "$.lockers.orders.counts.refused.rejected"))
                        .isPositive();
                String some = get("/actuator/keyedlocks/page/state?text=NOTH&lock=orders")
                        .body();
                assertThat(JsonPath.<List<String>>read(some, "$.keys[*].key")).containsExactly("another");
                assertThat(JsonPath.<Integer>read(some, "$.matching")).isEqualTo(1);
                String none = get("/actuator/keyedlocks/page/state?lock=others").body();
                assertThat(JsonPath.<List<String>>read(none, "$.keys")).isEmpty();
            } finally {
                waiter.thenAccept(Permit::close);
            }
        }
    }

    private static String type(HttpResponse<String> response) {
        return response.headers().firstValue("Content-Type").orElseThrow();
    }

    @Nested
    @HttpTests.OnServlets
    class OnServlets extends Contract {}

    @Nested
    @HttpTests.OnWebFlux
    class OnWebFlux extends Contract {}

    @Nested
    @HttpTests.OnServlets
    @TestPropertySource(
            properties = {
                "server.servlet.context-path=/shop",
                "management.endpoints.web.base-path=/manage/ops",
                "management.endpoints.web.path-mapping.keyedlocks=support/locks"
            })
    class UnderOtherPaths extends HttpTests {

        @Test
        void urlsAreRelativeToTheMappedPath() {
            assertThat(get("/shop/manage/ops/support/locks", "Accept", BROWSER).body())
                    .contains("src=\"locks/page/page.js\"");
            assertThat(get("/shop/manage/ops/support/locks/page/page.js").statusCode())
                    .isEqualTo(200);
            assertThat(get("/shop/manage/ops/support/locks/page/state").statusCode())
                    .isEqualTo(200);
        }
    }

    @Nested
    @HttpTests.OnServlets
    @TestPropertySource(properties = "management.endpoint.keyedlocks.page=false")
    class SwitchedOff extends HttpTests {

        @Test
        void browsersGetJsonIfThePageIsDisabled() {
            HttpResponse<String> overview = get("/actuator/keyedlocks", "Accept", BROWSER);
            assertThat(type(overview)).isEqualTo("application/json");
            assertThat(JsonPath.<Integer>read(overview.body(), "$.lockers.orders.limit"))
                    .isEqualTo(1);
            assertThat(get("/actuator/keyedlocks/page/page.js").statusCode()).isEqualTo(404);
            assertThat(get("/actuator/keyedlocks/page/state").statusCode()).isEqualTo(404);
        }
    }
}
