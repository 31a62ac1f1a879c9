// SPDX-License-Identifier: Apache-2.0
/**
 * Lockers as what Spring Integration takes its locks from.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.integration;

import org.jspecify.annotations.NullMarked;
