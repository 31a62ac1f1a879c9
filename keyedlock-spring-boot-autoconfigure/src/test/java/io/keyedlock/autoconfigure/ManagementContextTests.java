// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import com.jayway.jsonpath.JsonPath;
import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.net.http.HttpResponse;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;

/** An application whose endpoints have a separate port, and so a child context. */
@SpringBootTest(
        classes = HttpApplication.class,
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {
            "spring.main.web-application-type=servlet",
            "management.server.port=0",
            "management.endpoints.web.exposure.include=*",
            "keyedlock.locks.orders.limit=3"
        })
@SuppressWarnings("try") // the permit is only held
class ManagementContextTests extends HttpTests {

    @Autowired
    KeyedLocker<Object> orders;

    @Value("${local.management.port}")
    int management;

    @Test
    void theEndpointShowsTheLockersOfTheApplicationOnce() {
        try (Permit permit = orders.acquireAsync("42").join()) {
            HttpResponse<String> overview = get(management, "/actuator/keyedlocks");
            assertThat(overview.statusCode()).isEqualTo(200);
            Map<String, Map<String, Object>> lockers = JsonPath.read(overview.body(), "$.lockers");
            assertThat(lockers).containsOnlyKeys("orders");
            assertThat(lockers.get("orders")).containsEntry("limit", 3).containsEntry("holders", 1);
            HttpResponse<String> key = get(management, "/actuator/keyedlocks/orders?key=42");
            assertThat(key.statusCode()).isEqualTo(200);
            assertThat(get("/actuator/keyedlocks").statusCode()).isEqualTo(404);
        }
    }
}
