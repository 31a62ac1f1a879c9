// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerSettings;
import java.util.OptionalInt;

/**
 * The limits of individual keys, as a bean: for limits that come from a database or another service. Applies to the lockers
 * that properties configure and to those of annotated methods.
 *
 * <pre>{@code
 * @Bean
 * KeyLimits tenantLimits(Plans plans) {
 *   return (lockName, key) -> lockName.equals("tenants") ? plans.reportsOf(key) : OptionalInt.empty();
 * }
 * }</pre>
 *
 * <p>Of several beans, in the order of {@code @Order}, the first that returns a limit decides. The property
 * {@code keyedlock.locks.<name>.limits.<key>} precedes all of them.
 *
 * @since 0.1.0
 * @see KeyedLockerSettings#withKeyLimits
 * @see KeyedLocker#refreshLimits()
 */
@FunctionalInterface
public interface KeyLimits {

    /**
     * Returns the limit of a key. Called when several callers compete for the key, on the thread of one of them; other callers
     * do not wait for it. Also called by {@link KeyedLocker#refreshLimits()}, and by snapshots, the endpoint and the report of
     * a drain for keys that nobody has competed for. Should return quickly, from memory. If it throws, the limit of the locker
     * applies, and that is logged once.
     *
     * @param lockName the name of the locker
     * @param key the key
     * @return the limit, at least 1; empty for that of the locker
     */
    OptionalInt limit(String lockName, Object key);
}
