// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.lease.LeaseSettings;

/**
 * The backend of a locker.
 *
 * @param kind {@link #LOCAL}, {@link #REDIS} or {@link #JDBC}
 * @param leases the settings of its leases, without the application's key encoder
 * @param failFast whether startup fails if the backend cannot be reached
 */
record BackendChoice(String kind, LeaseSettings leases, boolean failFast) {

    static final String LOCAL = "local";

    static final String REDIS = "redis";

    static final String JDBC = "jdbc";
}
