// SPDX-License-Identifier: Apache-2.0
/**
 * Lockers whose keys exclude each other across processes, through Redis and Redisson.
 *
 * <p>A {@link io.keyedlock.redis.RedisBackend} stands behind one locker, made from the application's own Redisson client and
 * {@link io.keyedlock.redis.RedisSettings}. A {@link io.keyedlock.redis.KeyEncoder} gives each key its name in Redis.
 *
 * <p>Unless a method says otherwise, no parameter may be null and no result is null.
 */
@NullMarked
package io.keyedlock.redis;

import org.jspecify.annotations.NullMarked;
