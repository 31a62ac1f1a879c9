// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import com.jayway.jsonpath.JsonPath;
import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.net.http.HttpResponse;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.test.context.TestPropertySource;

/** Changing a limit by the endpoint. */
@ExtendWith(OutputCaptureExtension.class)
class LimitEndpointTests {

    private abstract static class Scene extends HttpTests {

        @Autowired
        KeyedLocker<Object> orders;

        @AfterEach
        void asBefore() {
            orders.setLimit(1);
        }
    }

    abstract static class Unrestricted extends Scene {

        @Test
        void limitIsChangedAndWaitersAreAdmitted(CapturedOutput output) {
            Permit held = orders.acquireAsync("42").join();
            CompletableFuture<Permit> waiting = orders.acquireAsync("42");
            HttpResponse<String> response = post("/actuator/keyedlocks/orders", "{\"limit\": 5}");
            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(JsonPath.<Integer>read(response.body(), "$.limit")).isEqualTo(5);
            assertThat(response.body()).doesNotContain("42");
            assertThat(waiting).isCompleted();
            assertThat(orders.limit()).isEqualTo(5);
            assertThat(output)
                    .contains(
                            "Changed the limit of locker 'orders' from 1 to 5, as asked by an unauthenticated caller");
            assertThat(JsonPath.<Integer>read(get("/actuator/keyedlocks").body(), "$.lockers.orders.limit"))
                    .isEqualTo(5);
            assertThat(JsonPath.<Integer>read(get("/actuator/keyedlocks").body(), "$.lockers.orders.keys[0].limit"))
                    .isEqualTo(5);
            held.close();
            waiting.join().close();
        }

        @Test
        void invalidRequestsChangeNothing() {
            assertThat(post("/actuator/keyedlocks/orders", "{\"limit\": 0}").statusCode())
                    .isEqualTo(400);
            assertThat(post("/actuator/keyedlocks/orders", "{\"limit\": \"many\"}")
                            .statusCode())
                    .isEqualTo(400);
            assertThat(post("/actuator/keyedlocks/orders", "{}").statusCode()).isEqualTo(400);
            assertThat(post("/actuator/keyedlocks/nobody", "{\"limit\": 5}").statusCode())
                    .isEqualTo(404);
            assertThat(orders.limit()).isEqualTo(1);
        }
    }

    @Nested
    @HttpTests.OnServlets
    @TestPropertySource(properties = "management.endpoint.keyedlocks.access=unrestricted")
    class Servlet extends Unrestricted {}

    @Nested
    @HttpTests.OnWebFlux
    @TestPropertySource(properties = "management.endpoint.keyedlocks.access=unrestricted")
    class Reactive extends Unrestricted {}

    @Nested
    @HttpTests.OnServlets
    class ByDefault extends Scene {

        @Test
        void endpointIsReadOnly() {
            assertThat(post("/actuator/keyedlocks/orders", "{\"limit\": 5}").statusCode())
                    .isEqualTo(405);
            assertThat(get("/actuator/keyedlocks/orders").statusCode()).isEqualTo(200);
            assertThat(orders.limit()).isEqualTo(1);
        }
    }
}
