// SPDX-License-Identifier: Apache-2.0
/**
 * Micrometer meters and observations of lockers.
 *
 * <p>Meters and observations are tagged with the locker's name and never with a key. So the number of series grows with the
 * number of lockers only, and no user data becomes a tag.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.metrics;

import org.jspecify.annotations.NullMarked;
