// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The properties of event processing.
 *
 * @param thinkTime the time between read and write in a transaction
 * @param maxAttempts the maximum number of attempts per event
 * @param maxPause the maximum of the random pause before a retry
 */
@ConfigurationProperties("demo.events")
public record EventProperties(
        @DefaultValue("2ms") Duration thinkTime,
        @DefaultValue("200") int maxAttempts,
        @DefaultValue("10ms") Duration maxPause) {}
