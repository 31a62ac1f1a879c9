// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.jspecify.annotations.Nullable;

/**
 * The lock of one key as a {@link Lock}. The permits that were locked and not yet unlocked are recorded in the key's
 * {@link ContendedState}, so that all views of a key are one lock.
 */
final class LockView implements Lock {

    /** One {@code lock()} that was not unlocked yet. Guarded by the stripe's lock. */
    static final class Locked {

        private final Permit permit;

        private final Hold hold;

        private @Nullable Locked next;

        Locked(Permit permit, Hold hold, @Nullable Locked next) {
            this.permit = permit;
            this.hold = hold;
            this.next = next;
        }
    }

    private final DefaultKeyedLocker<?> locker;

    private final Object key;

    private final int hash;

    /** The entry that this view has locked, while it has records. Guarded by the stripe's lock. */
    private @Nullable Entry lockedEntry;

    LockView(DefaultKeyedLocker<?> locker, Object key, int hash) {
        this.locker = locker;
        this.key = key;
        this.hash = hash;
    }

    @Override
    public void lock() {
        addRecord(locker.acquireUninterruptibly(key, hash));
    }

    @Override
    public void lockInterruptibly() throws InterruptedException {
        addRecord(locker.acquire(key, hash, Long.MAX_VALUE, KeyedLockerSettings.FOREVER));
    }

    @Override
    public boolean tryLock() {
        return addRecord(locker.tryAcquire(key, hash));
    }

    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        long nanos = Math.max(0, unit.toNanos(time));
        return addRecord(locker.tryAcquire(key, hash, nanos, Duration.ofNanos(nanos)));
    }

    private boolean addRecord(@Nullable Permit permit) {
        if (permit == null) {
            return false;
        }
        try {
            addRecord(permit, permit instanceof Reentry again ? again.hold : (Hold) permit);
            return true;
        } catch (Throwable e) {
            permit.close();
            throw e;
        }
    }

    private void addRecord(Permit permit, Hold hold) {
        Stripe stripe = hold.entry().stripe;
        stripe.lock();
        try {
            ContendedState contended = hold.entry().contended();
            contended.locked = new Locked(permit, hold, contended.locked);
            lockedEntry = hold.entry();
        } finally {
            stripe.unlock();
        }
    }

    @Override
    public void unlock() {
        // A close without room on the stack would have to be repeated, but the record is gone by then.
        Headroom.checkForWait();
        Permit permit = removeRecord();
        if (permit == null) {
            throw new IllegalMonitorStateException("The current thread has not locked "
                    + Messages.describe(locker.settings, key) + ", or has unlocked it already");
        }
        permit.close();
    }

    private @Nullable Permit removeRecord() {
        Stripe stripe = locker.stripes.existing(hash);
        if (stripe == null) {
            return null;
        }
        stripe.lock();
        try {
            // First the entry that this view has locked: unlocking works even if the key's equals has begun to fail.
            ContendedState known = lockedEntry == null ? null : lockedEntry.contended();
            Permit own = known == null ? null : removeRecord(known);
            if (known != null && known.locked == null) {
                lockedEntry = null;
            }
            if (own != null) {
                return own;
            }
            Entry entry = stripe.find(key, hash);
            ContendedState contended = entry == null ? null : entry.contendedIfAny();
            return contended == null ? null : removeRecord(contended);
        } finally {
            stripe.unlock();
        }
    }

    private static @Nullable Permit removeRecord(ContendedState contended) {
        Locked previous = null;
        for (Locked l = contended.locked; l != null; l = l.next) {
            if (l.hold.owner == Thread.currentThread()) {
                if (previous == null) {
                    contended.locked = l.next;
                } else {
                    previous.next = l.next;
                }
                return l.permit;
            }
            previous = l;
        }
        return null;
    }

    @Override
    public Condition newCondition() {
        throw new UnsupportedOperationException("A keyed lock has no conditions");
    }

    @Override
    public String toString() {
        return "Lock[" + Messages.describe(locker.settings, key) + "]";
    }
}
