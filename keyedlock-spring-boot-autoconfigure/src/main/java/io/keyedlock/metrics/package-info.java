// SPDX-License-Identifier: Apache-2.0
/**
 * Lockers as Micrometer meters and observations.
 *
 * <p>Meters and observations are tagged with the locker's name and never with a key: there are as many series as there are
 * lockers, and no user's data is among them.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.metrics;

import org.jspecify.annotations.NullMarked;
