// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/** What people write by hand: a lock that counts who holds or awaits it, so that the last one takes it out of the map. */
final class CountedLock extends ReentrantLock {

    private static final long serialVersionUID = 1;

    /** Changed by the map's computations only. */
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
