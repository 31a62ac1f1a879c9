// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * The future of one permit for several keys. Acquires the keys in sequence.
 *
 * <p>One thread at a time proceeds from key to key: first the caller, then the thread that completes the wait for a key. That
 * thread sets {@link #stage} to {@link Stage#GRANTED}, or to {@link Stage#STOPPED} if a key fails. A thread that completes the
 * future from outside sets it to {@code STOPPED}. The first to set it wins. The thread that stops it releases everything
 * acquired so far. The acquisition in progress may have been granted just before; both threads then cancel it or close its
 * permit, which is harmless.
 */
final class MultiKeyFuture extends AcquisitionFuture {

    enum Stage {
        ACQUIRING,
        GRANTED,
        STOPPED
    }

    private final Engine locker;

    private final KeyOrder keys;

    private final long nanos;

    private final @Nullable Duration waitTime;

    private final long start;

    /** Never held while a permit is closed or a future is completed. */
    private final SpinLock lock = new SpinLock();

    /** Created in advance with capacity for each permit, so that no acquired permit is lost for want of memory. */
    private final MultiKeyPermit acquired;

    /** Guarded by {@code lock}. */
    private Stage stage = Stage.ACQUIRING;

    /** The acquisition in progress. Guarded by {@code lock}. */
    private @Nullable PermitFuture current;

    MultiKeyFuture(Engine locker, KeyOrder keys, long nanos, @Nullable Duration waitTime) {
        this.locker = locker;
        this.keys = keys;
        this.acquired = new MultiKeyPermit(keys.size());
        this.nanos = nanos;
        this.waitTime = waitTime;
        this.start = locker.clock.nanoTime();
    }

    void start() {
        try {
            acquireNext();
        } catch (Throwable e) {
            leaveQueue();
            throw e;
        }
    }

    /** Acquires keys in sequence until one requires a wait. */
    private void acquireNext() {
        for (int i = nextIndex(); i < keys.size(); i = nextIndex()) {
            KeyOrder.Slot slot = keys.get(i);
            long remaining = MultiKeyPermit.remaining(nanos, start, locker.clock.nanoTime());
            // A caller that has acquired one of its keys is admitted for the others, even while draining.
            PermitFuture next = PermitFuture.acquire(locker, slot.key, slot.hash, remaining, waitTime, i > 0);
            if (!setCurrent(next)) {
                return;
            }
            if (!next.isDone()) {
                next.whenComplete((granted, failure) -> resumeAfter(next));
                return;
            }
            if (!addPermitOf(next)) {
                return;
            }
        }
        grant();
    }

    /** Acquires the further keys after the wait for one is over. If a key's own code throws here, the future fails with it. */
    private void resumeAfter(PermitFuture done) {
        try {
            if (addPermitOf(done)) {
                acquireNext();
            }
        } catch (Throwable e) {
            if (leaveQueue()) {
                fail(e);
            }
        }
    }

    /** Returns the index of the next key, which is past the end if this future was stopped. */
    private int nextIndex() {
        lock.lock();
        try {
            return stage == Stage.ACQUIRING ? acquired.size() : Integer.MAX_VALUE;
        } finally {
            lock.unlock();
        }
    }

    private boolean setCurrent(PermitFuture next) {
        lock.lock();
        try {
            if (stage == Stage.ACQUIRING) {
                current = next;
                return true;
            }
        } finally {
            lock.unlock();
        }
        next.undo();
        return false;
    }

    /** Adds the permit of a completed acquisition; returns false if there is none or this future was stopped. */
    private boolean addPermitOf(PermitFuture done) {
        Permit permit = null;
        Throwable failure = null;
        try {
            permit = done.join();
        } catch (CompletionException e) {
            failure = e.getCause() == null ? e : e.getCause();
        } catch (RuntimeException e) {
            failure = e;
        }
        if (permit == null) {
            if (leaveQueue() && failure != null) {
                fail(failure);
            }
            return false;
        }
        lock.lock();
        try {
            if (stage == Stage.ACQUIRING) {
                acquired.add(permit);
                return true;
            }
        } finally {
            lock.unlock();
        }
        permit.close();
        return false;
    }

    private void grant() {
        lock.lock();
        try {
            if (stage != Stage.ACQUIRING) {
                return;
            }
            stage = Stage.GRANTED;
        } finally {
            lock.unlock();
        }
        keys.close();
        deliver(acquired);
    }

    /** Stops acquiring and releases everything, unless all keys were acquired already. */
    @Override
    boolean leaveQueue() {
        PermitFuture inProgress;
        boolean granted;
        boolean stopped = false;
        lock.lock();
        try {
            if (stage == Stage.ACQUIRING) {
                stage = Stage.STOPPED;
                stopped = true;
            }
            inProgress = current;
            granted = stage == Stage.GRANTED;
        } finally {
            lock.unlock();
        }
        if (stopped) {
            try {
                if (inProgress != null) {
                    inProgress.undo();
                }
            } finally {
                try {
                    acquired.close();
                } finally {
                    keys.close();
                }
            }
        } else if (granted) {
            deliver(acquired);
        }
        return stopped;
    }
}
