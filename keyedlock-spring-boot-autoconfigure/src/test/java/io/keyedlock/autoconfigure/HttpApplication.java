// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerClosedException;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/** An application whose controllers reject callers, for servlet containers and reactive servers. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
class HttpApplication {

    // Nested components are found as members of this configuration.

    @RestController
    static class Turnstile {

        private final KeyedLocker<Object> orders;

        Turnstile(KeyedLocker<Object> orders) {
            this.orders = orders;
        }

        @GetMapping("/timeout")
        String timeout(@RequestParam("wait") long millis) {
            throw new LockTimeoutException(
                    "orders", "secret", 1, 0, null, Duration.ofMillis(millis), "no permit: orders, key secret");
        }

        @GetMapping("/timeout-for-real")
        String timeoutForReal() throws InterruptedException {
            Permit taken = orders.acquireAsync("occupied").join();
            try {
                orders.acquire("occupied", Duration.ofMillis(1)).close();
            } finally {
                taken.close();
            }
            return "unexpected";
        }

        @GetMapping("/odd-keys")
        String oddKeys(@RequestParam("key") String kind) {
            Object key = switch (kind) {
                case "nameless" -> new RequestsByTheThousandTests.Nameless();
                case "endless" -> new RequestsByTheThousandTests.Endless();
                case "half" -> "half \uD800 a character";
                default -> "x".repeat(1_000_000);
            };
            throw new LockRejectedException("orders", key, 1, 0, null, "the queue is full");
        }

        @GetMapping("/rejected")
        String rejected() {
            throw new LockRejectedException("orders", "secret", 1, 0, null, "the queue is full: orders, key secret");
        }

        @GetMapping("/rejected-later")
        CompletableFuture<String> rejectedLater() {
            return CompletableFuture.failedFuture(
                    new LockRejectedException("orders", "secret", 1, 0, null, "the queue is full: orders, key secret"));
        }

        @GetMapping("/own")
        String own() {
            String name = Turnstile.class.getName() + ".own()";
            throw new LockRejectedException(name, "secret", 1, 0, null, "the queue is full: " + name + ", key secret");
        }

        @GetMapping("/closed")
        String closed() {
            throw new KeyedLockerClosedException("orders", "secret", "the locker is closed: orders, key secret");
        }

        @GetMapping("/translated")
        String translated() {
            throw new Translated(new LockRejectedException("orders", "secret", 1, 0, null, "the queue is full"));
        }
    }

    @ResponseStatus(HttpStatus.CONFLICT)
    static class Translated extends RuntimeException {

        Translated(Throwable cause) {
            super(cause);
        }
    }

    @RestController
    static class Handled {

        @GetMapping("/handled")
        String handled() {
            throw new LockRejectedException("orders", "secret", 1, 0, null, "the queue is full");
        }

        @ExceptionHandler
        @ResponseStatus(HttpStatus.OK)
        String own(LockRejectedException e) {
            return "handled by the controller";
        }
    }

    @RestController
    static class HandledElsewhere {

        @GetMapping("/handled-elsewhere")
        String handled() {
            throw new LockRejectedException("orders", "secret", 1, 0, null, "the queue is full");
        }
    }

    @RestControllerAdvice(assignableTypes = HandledElsewhere.class)
    static class OwnAdvice {

        @ExceptionHandler
        @ResponseStatus(HttpStatus.OK)
        String own(Exception e) {
            return "handled by an advice";
        }
    }
}
