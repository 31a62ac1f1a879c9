// SPDX-License-Identifier: Apache-2.0
/**
 * The protocol that all stores share for lockers whose keys exclude each other across processes.
 *
 * <p>{@link io.keyedlock.lease.Leases} holds the leases of one application in one {@link io.keyedlock.lease.LeaseStore}. It
 * creates a {@link io.keyedlock.lease.LeaseBackend} for each locker, from the settings of the locker and
 * {@link io.keyedlock.lease.LeaseSettings}. A {@link io.keyedlock.lease.KeyEncoder} gives each key its name in the store.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.lease;

import org.jspecify.annotations.NullMarked;
