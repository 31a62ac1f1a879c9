// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/** A common hand-written lock: counts its holders and waiters, so that the last one removes it from the map. */
final class CountedLock extends ReentrantLock {

    private static final long serialVersionUID = 1;

    /** Changed only by the map's compute methods. */
    private int users;

    static <K> CountedLock lock(ConcurrentHashMap<K, CountedLock> locks, K key) {
        CountedLock lock = locks.compute(key, (k, present) -> {
            CountedLock l = present == null ? new CountedLock() : present;
            l.users++;
            return l;
        });
        lock.lock();
        return lock;
    }

    <K> void unlock(ConcurrentHashMap<K, CountedLock> locks, K key) {
        unlock();
        locks.compute(key, (k, present) -> present == null || --present.users == 0 ? null : present);
    }
}
