// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import java.time.Duration;

/**
 * Where the permits of a locker come from.
 *
 * @param kind {@link #LOCAL} or {@link #REDIS}
 * @param leaseTime for how long a permit is held beyond this process without being renewed
 * @param backendTimeout how long an answer is awaited
 * @param maxTurn for how long a permit is passed on within this process
 * @param failFast whether the start fails if the backend cannot be reached
 */
record BackendChoice(String kind, Duration leaseTime, Duration backendTimeout, Duration maxTurn, boolean failFast) {

    static final String LOCAL = "local";

    static final String REDIS = "redis";
}
