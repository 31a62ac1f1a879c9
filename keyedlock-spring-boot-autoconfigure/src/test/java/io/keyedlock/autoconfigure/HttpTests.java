// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.ImportSelector;
import org.springframework.core.type.AnnotationMetadata;
import org.springframework.util.ClassUtils;

/** Shared methods of tests over HTTP. */
abstract class HttpTests {

    /** The application with the endpoint and the locker {@code orders} on servlets. */
    @Retention(RetentionPolicy.RUNTIME)
    @SpringBootTest(
            classes = HttpApplication.class,
            webEnvironment = WebEnvironment.RANDOM_PORT,
            properties = {
                "spring.main.web-application-type=servlet",
                "management.endpoints.web.exposure.include=keyedlocks",
                "keyedlock.locks.orders.limit=1"
            })
    @interface OnServlets {}

    /** The same on WebFlux, on Reactor Netty, as its starter has it. */
    @Retention(RetentionPolicy.RUNTIME)
    @Import(Netty.class)
    @SpringBootTest(
            classes = HttpApplication.class,
            webEnvironment = WebEnvironment.RANDOM_PORT,
            properties = {
                "spring.main.web-application-type=reactive",
                "management.endpoints.web.exposure.include=keyedlocks",
                "keyedlock.locks.orders.limit=1"
            })
    @interface OnWebFlux {}

    /** Spring Boot prefers the Tomcat of the other tests, which drops some answers of actuator endpoints on WebFlux. */
    static class Netty implements ImportSelector {

        @Override
        public String[] selectImports(AnnotationMetadata importing) {
            return Stream.of(
                            "org.springframework.boot.web.embedded.netty.NettyReactiveWebServerFactory",
                            "org.springframework.boot.reactor.netty.NettyReactiveWebServerFactory")
                    .filter(name -> ClassUtils.isPresent(name, null))
                    .toArray(String[]::new);
        }
    }

    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @Value("${local.server.port}")
    private int port;

    /** Gets a path, with alternating names and values of headers. */
    HttpResponse<String> get(String path, String... headers) {
        return get(port, path, headers);
    }

    /** Gets a path of another port. */
    static HttpResponse<String> get(int port, String path, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + path));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return send(CLIENT, request.build());
    }

    private static HttpResponse<String> send(HttpClient client, HttpRequest request) {
        try {
            return client.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Posts JSON on a new connection, as servers close one after a bad request and no POST is retried. */
    HttpResponse<String> post(String path, String json) {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(json))
                .build();
        return send(HttpClient.newHttpClient(), request);
    }

    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
