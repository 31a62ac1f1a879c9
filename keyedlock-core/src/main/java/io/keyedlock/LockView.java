// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.jspecify.annotations.Nullable;

/**
 * The lock of one key as a {@link Lock}. What was locked and not yet unlocked is noted at the key's {@link ContendedState}, so that
 * all views of a key are one lock.
 */
final class LockView<K> implements Lock {

    /** One {@code lock()} that was not undone yet. Guarded by the stripe. */
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

    private final DefaultKeyedLocker<K> locker;

    private final K key;

    private final int hash;

    /** Where this view has locked, as long as there are notes. Guarded by the stripe. */
    private @Nullable Entry noted;

    LockView(DefaultKeyedLocker<K> locker, K key, int hash) {
        this.locker = locker;
        this.key = key;
        this.hash = hash;
    }

    @Override
    public void lock() {
        note(locker.acquireUninterruptibly(key, hash));
    }

    @Override
    public void lockInterruptibly() throws InterruptedException {
        note(locker.acquire(key, hash, Long.MAX_VALUE, KeyedLockerSettings.FOREVER));
    }

    @Override
    public boolean tryLock() {
        return note(locker.tryAcquire(key, hash));
    }

    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        long nanos = Math.max(0, unit.toNanos(time));
        return note(locker.tryAcquire(key, hash, nanos, Duration.ofNanos(nanos)));
    }

    private boolean note(@Nullable Permit permit) {
        if (permit == null) {
            return false;
        }
        boolean complete = false;
        try {
            note(permit, permit instanceof Reentry again ? again.hold : (Hold) permit);
            complete = true;
        } finally {
            if (!complete) {
                permit.close();
            }
        }
        return true;
    }

    private void note(Permit permit, Hold hold) {
        Stripe stripe = hold.entry().stripe;
        stripe.lock();
        try {
            ContendedState contended = hold.entry().contended();
            contended.locked = new Locked(permit, hold, contended.locked);
            noted = hold.entry();
        } finally {
            stripe.unlock();
        }
    }

    @Override
    public void unlock() {
        // A close that finds no room on the stack would have to be tried again, and the note is gone then.
        Headroom.checkForWait();
        Permit permit = takeNote();
        if (permit == null) {
            throw new IllegalMonitorStateException(
                    "this thread has no lock() to undo: " + Messages.describe(locker.settings(), key));
        }
        permit.close();
    }

    private @Nullable Permit takeNote() {
        Stripe stripe = locker.stripes.ifMade(hash);
        if (stripe == null) {
            return null;
        }
        stripe.lock();
        try {
            // First where this view has locked: whoever has locked gets out, even if the key's equals has begun to
            // fail.
            ContendedState here = noted == null ? null : noted.contended();
            Permit own = here == null ? null : takeNote(here);
            if (here != null && here.locked == null) {
                noted = null;
            }
            if (own != null) {
                return own;
            }
            Entry entry = stripe.find(key, hash);
            ContendedState contended = entry == null ? null : entry.contendedIfAny();
            return contended == null ? null : takeNote(contended);
        } finally {
            stripe.unlock();
        }
    }

    private static @Nullable Permit takeNote(ContendedState contended) {
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
        throw new UnsupportedOperationException("a keyed lock has no conditions");
    }

    @Override
    public String toString() {
        return "Lock[" + Messages.describe(locker.settings(), key) + "]";
    }
}
