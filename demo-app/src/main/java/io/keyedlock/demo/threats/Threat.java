// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The state of an address.
 *
 * @param address the address
 * @param score the sum of the severities of its events
 * @param blocked whether it is blocked
 * @param blockedAt the time when it was blocked, or null if it is not
 */
public record Threat(
        String address,
        int score,
        boolean blocked,
        @Nullable Instant blockedAt) {

    static Threat of(ThreatScore row) {
        return new Threat(row.address(), row.score(), row.blockedAt() != null, row.blockedAt());
    }
}
