// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import com.jayway.jsonpath.JsonPath;
import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.lang.management.ManagementFactory;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;

/** The endpoint over HTTP and JMX. */
@SpringBootTest(
        classes = HttpApplication.class,
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {
            "spring.main.web-application-type=servlet",
            "server.max-http-request-header-size=64KB",
            "spring.jmx.enabled=true",
            "management.endpoints.web.exposure.include=*",
            "management.endpoints.jmx.exposure.include=keyedlocks",
            "management.endpoints.jmx.domain=io.keyedlock.test",
            "keyedlock.locks.orders.limit=3",
            "keyedlock.locks.tenants.fair=true"
        })
@SuppressWarnings("try") // the permit is only held
class KeyedLocksEndpointHttpTests extends HttpTests {

    @Autowired
    KeyedLocker<Object> orders;

    @Test
    void theOverviewHasTheDocumentedShape() throws Exception {
        try (Permit permit = orders.acquire("42")) {
            HttpResponse<String> response = get("/actuator/keyedlocks");
            assertThat(response.statusCode()).isEqualTo(200);
            Map<String, Object> locker = JsonPath.read(response.body(), "$.lockers.orders");
            assertThat(locker)
                    .containsOnlyKeys(
                            "limit", "fair", "backend", "activeKeys", "holders", "waiters", "keys", "keysShown")
                    .containsEntry("limit", 3)
                    .containsEntry("fair", false)
                    .containsEntry("backend", "local")
                    .containsEntry("activeKeys", 1)
                    .containsEntry("holders", 1)
                    .containsEntry("waiters", 0)
                    .containsEntry("keysShown", 1);
            Map<String, Object> key = JsonPath.read(response.body(), "$.lockers.orders.keys[0]");
            assertThat(key)
                    .containsOnlyKeys("key", "limit", "holders", "waiters", "longestHold", "longestWait")
                    .containsEntry("key", "42")
                    .containsEntry("longestWait", "PT0S");
            assertThat(JsonPath.<Boolean>read(response.body(), "$.lockers.tenants.fair"))
                    .isTrue();
        }
    }

    @Test
    void oneLockerAndOneKeyHaveTheDocumentedShape() throws Exception {
        try (Permit permit = orders.acquire("42")) {
            String locker = get("/actuator/keyedlocks/orders").body();
            String key = get("/actuator/keyedlocks/orders?key=42").body();
            assertThat(JsonPath.<Map<String, Object>>read(locker, "$")).containsKeys("limit", "keys", "keysShown");
            for (Map<String, Object> one : List.of(
                    JsonPath.<Map<String, Object>>read(locker, "$.keys[0]"),
                    JsonPath.<Map<String, Object>>read(key, "$"))) {
                assertThat(one)
                        .containsOnlyKeys(
                                "key",
                                "limit",
                                "holders",
                                "waiters",
                                "longestHold",
                                "longestWait",
                                "holding",
                                "holdingShown",
                                "waiting",
                                "waitingShown",
                                "elsewhere")
                        .containsEntry("holdingShown", 1)
                        .containsEntry("waitingShown", 0);
            }
            assertThat(JsonPath.<Map<String, Object>>read(key, "$.holding[0]"))
                    .containsOnlyKeys("thread", "age", "stack")
                    .containsEntry("thread", Thread.currentThread().getName());
        }
    }

    @Test
    void unknownLockersAndKeysAre404() throws Exception {
        assertThat(get("/actuator/keyedlocks/others").statusCode()).isEqualTo(404);
        assertThat(get("/actuator/keyedlocks/others?key=42").statusCode()).isEqualTo(404);
        assertThat(get("/actuator/keyedlocks/orders?key=42").statusCode()).isEqualTo(404);
    }

    static Stream<String> oddKeys() {
        return Stream.of(
                "a/b/c",
                "100%",
                "%2F",
                "a b+c&d=e?f#g",
                "\uD83D\uDD12\uD83D\uDE00",
                "<script>alert('x')</script>",
                "\"quoted\\\"\n",
                "../../etc",
                "[a, b]",
                "",
                "x".repeat(10_000));
    }

    @ParameterizedTest
    @MethodSource("oddKeys")
    void everyKeyIsShownAndFound(String key) throws Exception {
        try (Permit permit = orders.acquire(key)) {
            assertThat(JsonPath.<String>read(get("/actuator/keyedlocks").body(), "$.lockers.orders.keys[0].key"))
                    .isEqualTo(key);
            HttpResponse<String> found = get("/actuator/keyedlocks/orders?key=" + encoded(key));
            assertThat(found.statusCode()).isEqualTo(200);
            assertThat(found.headers().firstValue("Content-Type").orElseThrow()).contains("json");
            assertThat(JsonPath.<String>read(found.body(), "$.key")).isEqualTo(key);
        }
    }

    @Test
    void theEndpointIsAnMBeanToo() throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        ObjectName name = server.queryNames(new ObjectName("io.keyedlock.test:type=Endpoint,name=Keyedlocks,*"), null)
                .iterator()
                .next();
        try (Permit permit = orders.acquire("42")) {
            assertThat(server.invoke(name, "lockers", new Object[0], new String[0])
                            .toString())
                    .contains("orders")
                    .contains("key=42");
            assertThat(server.invoke(name, "locker", new Object[] {"orders", "42"}, new String[] {
                                String.class.getName(), String.class.getName()
                            })
                            .toString())
                    .contains("holding");
        }
    }
}
