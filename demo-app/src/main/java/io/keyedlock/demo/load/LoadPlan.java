// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.load;

import java.util.List;
import java.util.stream.IntStream;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How much load.
 *
 * @param events how many events
 * @param addresses from how many addresses, at most 250
 * @param threads by how many threads at once
 */
@ConfigurationProperties("demo.load")
public record LoadPlan(
        @DefaultValue("2000") int events,
        @DefaultValue("20") int addresses,
        @DefaultValue("64") int threads) {

    /** Makes a plan. */
    public LoadPlan {
        if (events < 1 || addresses < 1 || addresses > 250 || threads < 1) {
            throw new IllegalArgumentException("demo.load: events is " + events + ", addresses " + addresses
                    + " and threads " + threads + "; give at least 1 each, and at most 250 addresses");
        }
    }

    /** The addresses, of a network that is set aside for load tests. */
    List<String> addressList() {
        return IntStream.rangeClosed(1, addresses)
                .mapToObj(n -> "198.18.0." + n)
                .toList();
    }
}
