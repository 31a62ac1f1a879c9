// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.load;

import java.util.List;
import java.util.stream.IntStream;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The size of a load.
 *
 * @param events the number of events
 * @param addresses the number of addresses, at most 250
 * @param threads the number of concurrent threads
 */
@ConfigurationProperties("demo.load")
public record LoadPlan(
        @DefaultValue("2000") int events,
        @DefaultValue("20") int addresses,
        @DefaultValue("64") int threads) {

    /** Validates the plan. */
    public LoadPlan {
        if (events < 1 || addresses < 1 || addresses > 250 || threads < 1) {
            throw new IllegalArgumentException("demo.load: events is " + events + ", addresses " + addresses
                    + " and threads " + threads + "; give at least 1 each, and at most 250 addresses");
        }
    }

    /** Returns the addresses, from a network reserved for load tests. */
    List<String> addressList() {
        return IntStream.rangeClosed(1, addresses)
                .mapToObj(n -> "198.18.0." + n)
                .toList();
    }
}
