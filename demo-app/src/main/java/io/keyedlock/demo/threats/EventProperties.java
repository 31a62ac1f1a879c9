// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How events are worked on.
 *
 * @param thinkTime how long a transaction thinks between reading and writing
 * @param maxAttempts how often an event is tried before it is given up
 * @param maxPause how long to wait at most before trying again; the wait is random
 */
@ConfigurationProperties("demo.events")
public record EventProperties(
        @DefaultValue("2ms") Duration thinkTime,
        @DefaultValue("200") int maxAttempts,
        @DefaultValue("10ms") Duration maxPause) {}
