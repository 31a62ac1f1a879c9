// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import com.jayway.jsonpath.JsonPath;
import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;

/** Any request to the endpoint, with any keys to show, gets a response without a server error. */
class RequestsByTheThousandTests {

    private static final int MANY = 300;

    abstract static class Requests extends HttpTests {

        private static final List<String> METHODS =
                List.of("GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH");

        /** Without semicolons: behind one, broken percent signs make the servers themselves fail, on every path. */
        private static final List<String> PARTS = List.of(
                "%00",
                "%2F",
                "%2f..%2f",
                "%5C",
                "%C0%AF",
                "%E0%80%80",
                "%ED%A0%80",
                "%F4%90%80%80",
                "%FF",
                "%F0%9F%94%92",
                "%",
                "%zz",
                "%25",
                "..",
                ".",
                "/",
                "//",
                "+",
                "&",
                "=",
                "?",
                "#",
                "@",
                ":",
                "*",
                "~",
                "$%7Bx%7D",
                "%0D%0AX:%20y",
                "<script>",
                "orders",
                "orders.json",
                "self",
                "key",
                "0",
                "x".repeat(300));

        private static final List<String> ACCEPTED =
                List.of("*/*", "application/json", "text/html", "text/plain", "image/png", "nonsense", "a/b;q=x", ",");

        @Autowired
        KeyedLocker<Object> orders;

        @Value("${local.server.port}")
        private int port;

        private final List<Permit> held = new ArrayList<>();

        @BeforeEach
        void holdOddKeys() throws InterruptedException {
            List<Object> keys = List.of(
                    "half \uD800 a character",
                    "control \u0000\u001F\u2028",
                    "x".repeat(100_000),
                    new Nameless(),
                    new Failing(),
                    new Endless(),
                    new byte[3],
                    42L,
                    "plain");
            for (Object key : keys) {
                held.add(orders.acquire(key));
            }
            keys.stream().filter(Failing.class::isInstance).forEach(key -> ((Failing) key).fails = true);
        }

        @AfterEach
        void giveBack() {
            held.forEach(Permit::close);
            assertThat(orders.activeKeyCount()).isZero();
        }

        @Test
        void noRequestFailsTheServerOrRevealsInternals() {
            RandomCases.check(MANY, random -> {
                String request = request(random);
                String response = send(request, "Accept: " + any(random, ACCEPTED));
                assertThat(status(response)).as(request).isBetween(200, 499);
                assertThat(response)
                        .as(request)
                        .doesNotContain("Exception", "Error:", "\tat ", "java.", "io.keyedlock", "springframework");
            });
        }

        @Test
        void unusualKeysAreShownAndFound() throws Exception {
            String overview = get("/actuator/keyedlocks").body();
            List<String> keys = JsonPath.read(overview, "$.lockers.orders.keys[*].key");
            assertThat(keys).hasSize(held.size()).contains("half \uFFFD a character", "42", "plain");
            assertThat(keys).filteredOn(key -> key.startsWith("(its toString ")).hasSize(3);
            assertThat(keys).allMatch(key -> key.length() < 20_000);
            String locker = get("/actuator/keyedlocks/orders").body();
            assertThat(JsonPath.<List<String>>read(locker, "$.keys[*].key")).containsExactlyInAnyOrderElementsOf(keys);
            for (String key : keys) {
                if (key.length() < 1_000) {
                    assertThat(get("/actuator/keyedlocks/orders?key=" + encoded(key))
                                    .statusCode())
                            .as(key)
                            .isEqualTo(200);
                }
            }
        }

        private static int status(String response) {
            assertThat(response).startsWith("HTTP/1.1 ");
            return Integer.parseInt(response.substring(9, 12));
        }

        private static String request(Random random) {
            StringBuilder target = new StringBuilder("/actuator/keyedlocks");
            for (int i = random.nextInt(4); i > 0; i--) {
                target.append(random.nextInt(3) > 0 ? "/" : "").append(any(random, PARTS));
            }
            if (random.nextInt(3) == 0) {
                target.append("?key=");
                for (int i = random.nextInt(3); i > 0; i--) {
                    target.append(any(random, PARTS));
                }
            }
            if (random.nextInt(20) == 0) {
                target.append("y".repeat(20_000));
            }
            String method = random.nextInt(40) == 0 ? "BREW" : any(random, METHODS);
            return method + " " + target + " HTTP/1.1";
        }

        /** Sends a raw request, which a client would correct. */
        private String send(String request, String header) throws IOException {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                socket.setSoTimeout(60_000);
                socket.getOutputStream()
                        .write((request + "\r\nHost: localhost\r\nConnection: close\r\n" + header
                                        + "\r\nContent-Length: 0\r\n\r\n")
                                .getBytes(StandardCharsets.ISO_8859_1));
                socket.getOutputStream().flush();
                return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            }
        }

        private static <T> T any(Random random, List<T> all) {
            return all.get(random.nextInt(all.size()));
        }
    }

    @Nested
    @HttpTests.OnServlets
    class Servlet extends Requests {}

    @Nested
    @HttpTests.OnWebFlux
    class Reactive extends Requests {}

    /** A key that has no text. */
    static final class Nameless {

        @Override
        @SuppressWarnings("ToStringReturnsNull")
        public String toString() {
            return null;
        }
    }

    /** A key whose methods start to fail once it is held. */
    static final class Failing {

        private volatile boolean fails;

        private void mayFail() {
            if (fails) {
                throw new AssertionError("java.lang.AssertionError");
            }
        }

        @Override
        public boolean equals(Object other) {
            mayFail();
            return this == other;
        }

        @Override
        public int hashCode() {
            mayFail();
            return 7;
        }

        @Override
        public String toString() {
            mayFail();
            return "failing";
        }
    }

    /** A key whose text is endless. */
    static final class Endless {

        @Override
        @SuppressWarnings("InfiniteRecursion")
        public String toString() {
            return "endless " + this;
        }
    }
}
