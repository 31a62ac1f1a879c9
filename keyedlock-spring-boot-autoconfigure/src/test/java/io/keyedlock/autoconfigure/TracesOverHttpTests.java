// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationView;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.server.reactive.observation.ServerRequestObservationContext;
import org.springframework.stereotype.Component;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.reactive.function.client.WebClient;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The parent spans of waits on a WebFlux server with Spring Boot's default context propagation. */
@SpringBootTest(
        classes = TracesOverHttpTests.Application.class,
        webEnvironment = WebEnvironment.RANDOM_PORT,
        properties = {
            "spring.main.web-application-type=reactive",
            "keyedlock.observations=true",
            "keyedlock.locks.orders.limit=1"
        })
class TracesOverHttpTests {

    @Autowired
    KeyedLocker<String> orders;

    @Autowired
    Waits waits;

    @Value("${local.server.port}")
    int port;

    @BeforeEach
    void forget() {
        waits.parents.clear();
    }

    @ParameterizedTest
    @ValueSource(strings = {"mono", "flux"})
    void aWaitIsAChildSpanOfItsRequest(String kind) throws Exception {
        List<Permit> held = hold("a", "b");
        CompletableFuture<String> first = get(kind, "a");
        CompletableFuture<String> second = get(kind, "b");
        awaitWaits(2);
        held.forEach(Permit::close);
        assertThat(first.get(1, TimeUnit.MINUTES)).isEqualTo("shipped a");
        assertThat(second.get(1, TimeUnit.MINUTES)).isEqualTo("shipped b");
        assertThat(waits.parents).containsExactlyInAnyOrder("/" + kind + "/a", "/" + kind + "/b");
    }

    @Test
    void nestedWaitsAreChildSpansOfTheOuterRequest() throws Exception {
        List<Permit> outer = hold("a", "b");
        List<Permit> inner = hold("invoice a", "invoice b");
        CompletableFuture<String> first = get("nested", "a");
        CompletableFuture<String> second = get("nested", "b");
        awaitWaits(2);
        outer.forEach(Permit::close);
        awaitWaits(4);
        inner.forEach(Permit::close);
        assertThat(first.get(1, TimeUnit.MINUTES)).isEqualTo("shipped invoice a");
        assertThat(second.get(1, TimeUnit.MINUTES)).isEqualTo("shipped invoice b");
        assertThat(waits.parents).containsExactlyInAnyOrder("/nested/a", "/nested/b", "/nested/a", "/nested/b");
    }

    private List<Permit> hold(String... keys) {
        return Stream.of(keys).map(key -> orders.acquireAsync(key).join()).toList();
    }

    private CompletableFuture<String> get(String kind, String id) {
        return WebClient.create("http://localhost:" + port)
                .get()
                .uri("/{kind}/{id}", kind, id)
                .retrieve()
                .bodyToMono(String.class)
                .toFuture();
    }

    private void awaitWaits(int count) {
        await().atMost(Duration.ofMinutes(1)).until(() -> waits.parents.size() == count);
    }

    /** An application whose handlers acquire keys. */
    @Configuration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Application {

        /** The service of the handler. */
        @Component
        static class Invoices {

            @KeyedLock(name = "orders", key = "'invoice ' + #id")
            Mono<String> send(String id) {
                return Mono.just("shipped invoice " + id);
            }
        }

        /** The handlers. */
        @RestController
        static class Shop {

            private final Invoices invoices;

            Shop(Invoices invoices) {
                this.invoices = invoices;
            }

            @GetMapping("/mono/{id}")
            @KeyedLock(name = "orders", key = "#id")
            Mono<String> mono(@PathVariable("id") String id) {
                return Mono.just("shipped " + id);
            }

            @GetMapping("/flux/{id}")
            @KeyedLock(name = "orders", key = "#id")
            Flux<String> flux(@PathVariable("id") String id) {
                return Flux.just("shipped ", id);
            }

            @GetMapping("/nested/{id}")
            @KeyedLock(name = "orders", key = "#id")
            Mono<String> nested(@PathVariable("id") String id) {
                return Mono.defer(() -> invoices.send(id));
            }
        }

        @Component
        static class RecordedWaits extends Waits {}
    }

    /** The paths of the requests that are parents of waits. */
    static class Waits implements ObservationHandler<Observation.Context> {

        final List<String> parents = new CopyOnWriteArrayList<>();

        @Override
        public void onStart(Observation.Context wait) {
            if (wait.getName().equals("keyedlock.wait")) {
                ObservationView parent = wait.getParentObservation();
                parents.add(
                        parent != null && parent.getContextView() instanceof ServerRequestObservationContext request
                                ? request.getCarrier().getPath().value()
                                : "under " + parent);
            }
        }

        @Override
        public boolean supportsContext(Observation.Context context) {
            return true;
        }
    }
}
