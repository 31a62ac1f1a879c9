// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.integration;

import io.keyedlock.KeyedLocker;
import java.util.Objects;
import java.util.concurrent.locks.Lock;
import org.springframework.integration.support.locks.LockRegistry;

/**
 * The locks of a locker for the flows of Spring Integration: for aggregators and other handlers that keep messages
 * together, in one process or, where the locker has a backend, in many.
 *
 * <pre>{@code
 * @Bean
 * LockRegistry lockRegistry(@Qualifier("orders") KeyedLocker<Object> orders) {
 *   return new IntegrationLockRegistry(orders);
 * }
 * }</pre>
 *
 * <p>What a flow locks and what is locked through the locker itself exclude each other. There is nothing to clean up: a lock is
 * gone when nobody holds or awaits it.
 */
@SuppressWarnings("rawtypes") // newer versions of the interface have a type parameter, older ones have none
public final class IntegrationLockRegistry implements LockRegistry {

    private final KeyedLocker<Object> locker;

    /**
     * Makes a registry.
     *
     * @param locker where the locks come from
     */
    public IntegrationLockRegistry(KeyedLocker<Object> locker) {
        this.locker = Objects.requireNonNull(locker, "locker");
    }

    /**
     * The lock of a key.
     *
     * @param lockKey the key
     * @return {@link KeyedLocker#asLock(Object)}: owned by the thread that locks it, re-entrant if the locker is, without
     *     conditions
     */
    @Override
    public Lock obtain(Object lockKey) {
        return locker.asLock(lockKey);
    }
}
