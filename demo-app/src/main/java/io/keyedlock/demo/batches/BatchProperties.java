// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How many messages, and how they are worked on.
 *
 * @param messages how many messages a run has
 * @param orders over how many orders, which are their keys
 * @param size how many messages a batch has at most
 * @param threads by how many threads a batch is worked on
 * @param thinkTime how long each message takes besides the database
 */
@ConfigurationProperties("demo.batches")
public record BatchProperties(
        @DefaultValue("20000") int messages,
        @DefaultValue("200") int orders,
        @DefaultValue("500") int size,
        @DefaultValue("32") int threads,
        @DefaultValue("2ms") Duration thinkTime) {

    /** Makes properties. */
    public BatchProperties {
        if (messages < 1 || orders < 1 || size < 1 || threads < 1 || thinkTime.isNegative()) {
            throw new IllegalArgumentException(
                    "demo.batches: messages is " + messages + ", orders " + orders + ", size "
                            + size + ", threads " + threads + " and think-time " + thinkTime
                            + "; give at least 1 each, and a time that is not negative");
        }
    }

    /**
     * The messages of a run, in the order in which they are sent: each order's steps one by one, the orders mixed.
     *
     * @param run the run
     * @param count how many
     * @return the messages
     */
    public List<Step> steps(String run, int count) {
        return IntStream.range(0, count)
                .mapToObj(n -> new Step(run, "order-" + (n % orders + 1), n / orders + 1))
                .toList();
    }
}
