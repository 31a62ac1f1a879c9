// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.handlers;

import io.keyedlock.annotation.KeyedLock;
import java.util.function.Consumer;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Controllers with locked methods. In a separate package, as an application's package is scanned and those of the tests
 * have invalid annotations on purpose.
 */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
public class WebHandlers {

    /** A controller that works on the thread of the request. */
    @RestController
    public static class Blocking {

        private final Consumer<String> work;

        Blocking(Consumer<String> work) {
            this.work = work;
        }

        @KeyedLock(key = "#id")
        @GetMapping("/orders/{id}")
        public String ship(@PathVariable("id") String id) {
            work.accept(id);
            return "shipped " + id;
        }
    }

    /** A controller that works asynchronously. */
    @RestController
    public static class Reactive {

        private final Consumer<String> work;

        Reactive(Consumer<String> work) {
            this.work = work;
        }

        @KeyedLock(key = "#id")
        @GetMapping("/later/{id}")
        public Mono<String> shipLater(@PathVariable("id") String id) {
            return Mono.fromCallable(() -> {
                        work.accept(id);
                        return "shipped " + id;
                    })
                    .subscribeOn(Schedulers.boundedElastic());
        }
    }
}
