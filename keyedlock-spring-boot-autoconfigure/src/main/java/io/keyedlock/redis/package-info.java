// SPDX-License-Identifier: Apache-2.0
/**
 * A lease store in Redis or Valkey that uses the connections of Spring Data Redis.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.redis;

import org.jspecify.annotations.NullMarked;
