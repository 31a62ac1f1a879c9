// SPDX-License-Identifier: Apache-2.0
/**
 * The actuator endpoint {@code keyedlocks}, which shows the current holders and waiters, and its live page for browsers.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.actuate;

import org.jspecify.annotations.NullMarked;
