// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import com.antkorwin.xsync.XSync;
import com.google.common.util.concurrent.Striped;
import de.jkeylockmanager.manager.KeyLockManager;
import de.jkeylockmanager.manager.KeyLockManagers;
import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerListener.HoldTiming;
import io.keyedlock.KeyedLockerSettings;
import io.keyedlock.Permit;
import io.keyedlock.metrics.KeyedLockerMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.springframework.integration.support.locks.DefaultLockRegistry;

/** The compared implementations. */
public enum Contestants {
    KEYEDLOCK("keyedlock", () -> new Ours(KeyedLocker.create())),
    KEYEDLOCK_METERS("keyedlock with meters", () -> metered(HoldTiming.OFF)),
    KEYEDLOCK_METERS_SAMPLED("keyedlock with meters, holds sampled", () -> metered(HoldTiming.SAMPLED)),
    KEYEDLOCK_METERS_EXACT("keyedlock with meters, holds exact", () -> metered(HoldTiming.EXACT)),
    BARE("bare ReentrantLock", Bare::new),
    BY_HAND("ConcurrentHashMap.compute by hand", ByHand::new),
    STRIPED("Striped.lock(1024)", () -> new Stripes(Striped.lock(1024))),
    LAZY_WEAK("Striped.lazyWeakLock(1024)", () -> new Stripes(Striped.lazyWeakLock(1024))),
    SPRING("DefaultLockRegistry", Registry::new),
    XSYNC("xsync", Xsync::new),
    JKEYLOCKMANAGER("jkeylockmanager", JKeyLock::new);

    final String label;

    @SuppressWarnings("ImmutableEnumChecker") // references to constructors and functions
    private final Supplier<Contestant> supplier;

    Contestants(String label, Supplier<Contestant> supplier) {
        this.label = label;
        this.supplier = supplier;
    }

    Contestant create() {
        return supplier.get();
    }

    /** Returns whether this is another way to lock per key. */
    boolean isRival() {
        return compareTo(BARE) > 0;
    }

    private static Contestant metered(HoldTiming holdTiming) {
        KeyedLockerMetrics metrics = new KeyedLockerMetrics(holdTiming);
        metrics.bindTo(new SimpleMeterRegistry());
        return new Ours(KeyedLocker.create(KeyedLockerSettings.defaults(), metrics));
    }

    private record Ours(KeyedLocker<String> locker) implements Contestant {

        @Override
        @SuppressWarnings("try") // the permit is not used but to close it
        public void within(String key, Runnable section) {
            try (Permit permit = locker.acquire(key)) {
                section.run();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static final class Bare implements Contestant {

        private final ReentrantLock lock = new ReentrantLock();

        @Override
        public void within(String key, Runnable section) {
            lock.lock();
            try {
                section.run();
            } finally {
                lock.unlock();
            }
        }
    }

    private static final class ByHand implements Contestant {

        private final ConcurrentHashMap<String, CountedLock> locks = new ConcurrentHashMap<>();

        @Override
        public void within(String key, Runnable section) {
            CountedLock lock = CountedLock.lock(locks, key);
            try {
                section.run();
            } finally {
                lock.unlock(locks, key);
            }
        }
    }

    private record Stripes(Striped<Lock> locks) implements Contestant {

        @Override
        public void within(String key, Runnable section) {
            Lock lock = locks.get(key);
            lock.lock();
            try {
                section.run();
            } finally {
                lock.unlock();
            }
        }
    }

    private static final class Registry implements Contestant {

        private final DefaultLockRegistry locks = new DefaultLockRegistry();

        @Override
        public void within(String key, Runnable section) {
            Lock lock = locks.obtain(key);
            lock.lock();
            try {
                section.run();
            } finally {
                lock.unlock();
            }
        }
    }

    private static final class Xsync implements Contestant {

        private final XSync<String> locks = new XSync<>();

        @Override
        public void within(String key, Runnable section) {
            locks.execute(key, section);
        }
    }

    private static final class JKeyLock implements Contestant {

        private final KeyLockManager locks = KeyLockManagers.newLock(1, TimeUnit.HOURS);

        @Override
        public void within(String key, Runnable section) {
            locks.executeLocked(key, section::run);
        }
    }
}
