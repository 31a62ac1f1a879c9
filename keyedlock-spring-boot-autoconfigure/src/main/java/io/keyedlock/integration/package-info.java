// SPDX-License-Identifier: Apache-2.0
/**
 * A lock registry for Spring Integration that is backed by a locker.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.integration;

import org.jspecify.annotations.NullMarked;
