// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.integration;

import io.keyedlock.KeyedLocker;
import java.util.Objects;
import java.util.concurrent.locks.Lock;
import org.springframework.integration.support.locks.LockRegistry;

/**
 * A Spring Integration {@link LockRegistry} whose locks are those of a locker, for aggregators and other handlers that
 * correlate messages. The locks work across processes if the locker has a backend.
 *
 * <pre>{@code
 * @Bean
 * LockRegistry lockRegistry(@Qualifier("orders") KeyedLocker<Object> orders) {
 *   return new IntegrationLockRegistry(orders);
 * }
 * }</pre>
 *
 * <p>A flow and a direct user of the locker exclude each other. A lock needs no cleanup: it is removed as soon as nobody holds
 * or waits for it.
 *
 * @since 0.1.0
 * @see KeyedLocker#asLock(Object)
 */
@SuppressWarnings("rawtypes") // the interface has a type parameter in newer versions only
public final class IntegrationLockRegistry implements LockRegistry {

    private final KeyedLocker<Object> locker;

    /**
     * Creates a registry.
     *
     * @param locker the source of the locks
     */
    public IntegrationLockRegistry(KeyedLocker<Object> locker) {
        this.locker = Objects.requireNonNull(locker, "locker");
    }

    /**
     * Returns the lock of a key.
     *
     * @param lockKey the key
     * @return {@link KeyedLocker#asLock(Object)}: owned by the thread that locks it, reentrant if the locker is, without
     *     conditions
     */
    @Override
    public Lock obtain(Object lockKey) {
        return locker.asLock(lockKey);
    }
}
