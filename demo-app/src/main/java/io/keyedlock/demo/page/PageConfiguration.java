// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.page;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerRegistry;
import io.keyedlock.actuate.KeyedLocksEndpoint;
import io.keyedlock.demo.batches.StepBatches;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.springframework.boot.actuate.endpoint.Show;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Adds the locker of the current batch to the endpoint, which shows lockers of the application context by default. */
@Configuration(proxyBeanMethods = false)
class PageConfiguration {

    @Bean
    KeyedLocksEndpoint keyedLocksEndpoint(KeyedLockerRegistry registry, StepBatches batches) {
        return new KeyedLocksEndpoint(() -> lockers(registry, batches), Show.ALWAYS, Set.of());
    }

    private static Map<String, KeyedLocker<?>> lockers(KeyedLockerRegistry registry, StepBatches batches) {
        Map<String, KeyedLocker<?>> lockers = new TreeMap<>();
        registry.names().forEach(name -> lockers.put(name, registry.get(name)));
        batches.last().ifPresent(locker -> lockers.put(locker.name(), locker));
        return lockers;
    }
}
