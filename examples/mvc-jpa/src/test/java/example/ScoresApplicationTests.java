// SPDX-License-Identifier: Apache-2.0
package example;

import static org.assertj.core.api.Assertions.assertThat;

import io.keyedlock.test.KeyedLockExtension;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;

@SpringBootTest(
        webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
        properties = "keyedlock.locks.addresses.wait-time=60s")
@ExtendWith(KeyedLockExtension.class)
class ScoresApplicationTests {

    @LocalServerPort
    int port;

    @Autowired
    AddressRepository addresses;

    @Test
    void addsEachEventOnceAndNoneFails() {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://localhost:" + port + "/addresses/203.0.113.7/events?severity=1"))
                .POST(HttpRequest.BodyPublishers.noBody())
                .build();
        var responses = IntStream.range(0, 50)
                .mapToObj(i -> client.sendAsync(request, HttpResponse.BodyHandlers.ofString()))
                .toList();
        assertThat(responses).allSatisfy(response -> assertThat(status(response)).isEqualTo(200));
        assertThat(addresses.findById("203.0.113.7").orElseThrow().score).isEqualTo(50);
    }

    private static int status(CompletableFuture<HttpResponse<String>> response) {
        return response.join().statusCode();
    }
}
