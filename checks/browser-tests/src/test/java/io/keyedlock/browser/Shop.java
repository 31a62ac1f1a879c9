// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.browser;

import io.keyedlock.annotation.KeyedLock;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** An application whose requests wait for keys. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
class Shop {

    // Found as a member of this configuration.
    @RestController
    static class Shipping {

        private final CountDownLatch end = new CountDownLatch(1);

        /** Holds the key of an order until the test releases all orders. */
        @GetMapping("/ship")
        @KeyedLock(name = "shipments", key = "#id")
        public String ship(@RequestParam("id") String id) throws InterruptedException {
            return end.await(5, TimeUnit.MINUTES) ? "shipped" : "late";
        }

        public void releaseAll() {
            end.countDown();
        }
    }
}
