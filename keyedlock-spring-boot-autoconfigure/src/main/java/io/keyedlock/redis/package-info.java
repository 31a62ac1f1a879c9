// SPDX-License-Identifier: Apache-2.0
/**
 * A store of leases in Redis or Valkey, through the connections of Spring Data Redis.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.redis;

import org.jspecify.annotations.NullMarked;
