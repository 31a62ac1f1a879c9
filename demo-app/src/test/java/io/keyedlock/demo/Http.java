// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import com.jayway.jsonpath.JsonPath;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** An HTTP client of the demo. */
final class Http {

    private final HttpClient client =
            HttpClient.newBuilder().connectTimeout(Duration.ofMinutes(2)).build();
    private final String base;

    Http(int port) {
        this.base = "http://localhost:" + port;
    }

    HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(request(path).GET().build(), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> post(String path) throws IOException, InterruptedException {
        return client.send(postOf(path, ""), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> post(String path, String json) throws IOException, InterruptedException {
        return client.send(postOf(path, json), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> put(String path, String json) throws IOException, InterruptedException {
        HttpRequest put = request(path)
                .header("Content-Type", "application/json")
                .PUT(HttpRequest.BodyPublishers.ofString(json))
                .build();
        return client.send(put, HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> postEvent(boolean lock, String json) throws IOException, InterruptedException {
        return client.send(postOf("/events?lock=" + lock, json), HttpResponse.BodyHandlers.ofString());
    }

    CompletableFuture<HttpResponse<String>> postEventAsync(boolean lock, String json) {
        return client.sendAsync(postOf("/events?lock=" + lock, json), HttpResponse.BodyHandlers.ofString());
    }

    CompletableFuture<HttpResponse<String>> postAsync(String path) {
        return client.sendAsync(postOf(path, ""), HttpResponse.BodyHandlers.ofString());
    }

    static int number(HttpResponse<String> response, String jsonPath) {
        return JsonPath.<Integer>read(response.body(), jsonPath);
    }

    static String text(HttpResponse<String> response, String jsonPath) {
        return JsonPath.<String>read(response.body(), jsonPath);
    }

    static boolean flag(HttpResponse<String> response, String jsonPath) {
        return JsonPath.<Boolean>read(response.body(), jsonPath);
    }

    private HttpRequest postOf(String path, String json) {
        return request(path)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json))
                .build();
    }

    private HttpRequest.Builder request(String path) {
        // A report may have to wait for its test, which waits for others.
        return HttpRequest.newBuilder(URI.create(base + path)).timeout(Duration.ofMinutes(10));
    }
}
