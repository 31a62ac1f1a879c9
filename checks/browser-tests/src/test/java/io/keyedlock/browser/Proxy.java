// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/** A reverse proxy that puts a prefix before all paths and forbids foreign scripts. It can stop answering. */
final class Proxy implements AutoCloseable {

    static final String PREFIX = "/teams/a";

    private final HttpClient client = HttpClient.newHttpClient();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final HttpServer server;
    private final int target;

    /** Requests wait for it, if there is one. */
    private volatile @Nullable CountDownLatch silence;

    Proxy(int target) throws IOException {
        this.target = target;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext(PREFIX + "/", this::forward);
        server.start();
    }

    String url() {
        return "http://localhost:" + server.getAddress().getPort() + PREFIX;
    }

    /** Accepts requests, but does not answer them until {@link #speak()}. */
    void fallSilent() {
        silence = new CountDownLatch(1);
    }

    void speak() {
        CountDownLatch ended = silence;
        silence = null;
        if (ended != null) {
            ended.countDown();
        }
    }

    private void forward(HttpExchange exchange) throws IOException {
        try (exchange) {
            CountDownLatch awaited = silence;
            if (awaited != null) {
                awaited.await();
            }
            String path = exchange.getRequestURI().toString().substring(PREFIX.length());
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://localhost:" + target + path));
            String accept = exchange.getRequestHeaders().getFirst("Accept");
            if (accept != null) {
                request.header("Accept", accept);
            }
            HttpResponse<byte[]> response = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
            response.headers()
                    .firstValue("Content-Type")
                    .ifPresent(type -> exchange.getResponseHeaders().set("Content-Type", type));
            exchange.getResponseHeaders().set("Content-Security-Policy", "default-src 'self'");
            exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
            exchange.sendResponseHeaders(
                    response.statusCode(), response.body().length == 0 ? -1 : response.body().length);
            exchange.getResponseBody().write(response.body());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        speak();
        server.stop(0);
        threads.shutdownNow();
    }
}
