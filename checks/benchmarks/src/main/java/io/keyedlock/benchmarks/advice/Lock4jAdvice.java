// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks.advice;

import com.baomidou.lock.annotation.Lock4j;
import com.baomidou.lock.executor.LockExecutor;
import com.baomidou.lock.spring.boot.autoconfigure.LockAutoConfiguration;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;

/** Made for locks elsewhere; here with the cheapest executor there can be. */
@Configuration(proxyBeanMethods = false)
@Import(LockAutoConfiguration.class)
class Lock4jAdvice {

    @Bean
    LockExecutor<String> lockExecutor() {
        return new Local();
    }

    @Bean
    OrderService orders() {
        return new Orders();
    }

    /** One key. */
    public static class Orders implements OrderService {

        @Override
        @Lock4j(keys = "#order.id")
        public String ship(Order order) {
            return order.id();
        }
    }

    private static final class Local implements LockExecutor<String> {

        private final ConcurrentHashMap<String, String> held = new ConcurrentHashMap<>();

        @Override
        public @Nullable String acquire(String key, String value, long expire, long acquireTimeout) {
            return held.putIfAbsent(key, value) == null ? value : null;
        }

        @Override
        public boolean releaseLock(String key, String value, String lock) {
            return held.remove(key, value);
        }
    }
}
