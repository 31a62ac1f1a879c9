// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The properties of batches.
 *
 * @param messages the number of messages of a run
 * @param orders the number of orders, whose ids are the keys
 * @param size the maximum number of messages of a batch
 * @param threads the number of threads that process a batch
 * @param thinkTime the mean processing time of a message, without the database
 */
@ConfigurationProperties("demo.batches")
public record BatchProperties(
        @DefaultValue("800") int messages,
        @DefaultValue("8") int orders,
        @DefaultValue("200") int size,
        @DefaultValue("6") int threads,
        @DefaultValue("25ms") Duration thinkTime) {

    /** Validates the properties. */
    public BatchProperties {
        if (messages < 1 || orders < 1 || size < 1 || threads < 1 || thinkTime.isNegative()) {
            throw new IllegalArgumentException(
                    "demo.batches: messages is " + messages + ", orders " + orders + ", size "
                            + size + ", threads " + threads + " and think-time " + thinkTime
                            + "; give at least 1 each, and a time that is not negative");
        }
    }

    /**
     * Returns the messages of a run in the order in which they are sent: the steps of each order in sequence, the orders
     * interleaved.
     *
     * @param run the run
     * @param count the number of messages
     * @return the messages
     */
    public List<Step> steps(String run, int count) {
        return IntStream.range(0, count)
                .mapToObj(n -> new Step(run, "order-" + (n % orders + 1), n / orders + 1))
                .toList();
    }
}
