// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * The future of one permit for several keys, which takes them one after the other.
 *
 * <p>One thread at a time goes from key to key: first the caller, then whoever completes the acquisition of the key that
 * had to be waited for. {@link #stage} decides between that thread, which ends with {@link Stage#GRANTED} or
 * {@link Stage#STOPPED}, and whoever completes the future from outside, who stops it. Who stops it gives back everything
 * taken so far; the acquisition then under way, which may have been granted just before, is cancelled or its permit closed
 * by both, which is harmless.
 */
final class MultiKeyFuture extends AcquisitionFuture {

    enum Stage {
        TAKING,
        GRANTED,
        STOPPED
    }

    private final DefaultKeyedLocker<?> locker;

    private final KeyOrder keys;

    private final long nanos;

    private final @Nullable Duration waitTime;

    private final long start;

    /** Guards the fields below. Never held while a permit is closed or a future completed. */
    private final SpinLock lock = new SpinLock();

    /** Made beforehand, as is the place for each permit: whatever was acquired is not lost for want of memory. */
    private final MultiKeyPermit taken;

    private Stage stage = Stage.TAKING;

    private @Nullable PermitFuture current;

    MultiKeyFuture(DefaultKeyedLocker<?> locker, KeyOrder keys, long nanos, @Nullable Duration waitTime) {
        this.locker = locker;
        this.keys = keys;
        this.taken = new MultiKeyPermit(keys.size());
        this.nanos = nanos;
        this.waitTime = waitTime;
        this.start = locker.clock.nanoTime();
    }

    void start() {
        boolean going = false;
        try {
            take();
            going = true;
        } finally {
            if (!going) {
                stop();
            }
        }
    }

    /** Takes key after key until one must be waited for. */
    private void take() {
        for (int i = takenSoFar(); i < keys.size(); i = takenSoFar()) {
            KeyOrder.Slot slot = keys.get(i);
            long left = MultiKeyPermit.left(nanos, start, locker.clock.nanoTime());
            // Whoever has one of the keys is on the way, and is let in where newcomers are refused.
            PermitFuture next = locker.acquireAsync(slot.key, slot.hash, left, waitTime, i > 0);
            if (!goOnWith(next)) {
                return;
            }
            if (!next.isDone()) {
                next.whenComplete((granted, failure) -> goOnAfter(next));
                return;
            }
            if (!took(next)) {
                return;
            }
        }
        grant();
    }

    /** Takes the further keys once the wait for one is over. If a key's own code throws here, there is no caller to tell. */
    private void goOnAfter(PermitFuture done) {
        try {
            if (took(done)) {
                take();
            }
        } catch (Throwable e) {
            if (stop()) {
                fail(e);
            }
        }
    }

    private int takenSoFar() {
        lock.lock();
        try {
            return stage == Stage.TAKING ? taken.size() : Integer.MAX_VALUE;
        } finally {
            lock.unlock();
        }
    }

    private boolean goOnWith(PermitFuture next) {
        lock.lock();
        try {
            if (stage == Stage.TAKING) {
                current = next;
                return true;
            }
        } finally {
            lock.unlock();
        }
        next.undo();
        return false;
    }

    /** Books the permit of a completed acquisition; returns false if there is none or the future was stopped. */
    private boolean took(PermitFuture done) {
        Permit one = null;
        Throwable failure = null;
        try {
            one = done.join();
        } catch (CompletionException e) {
            failure = e.getCause() == null ? e : e.getCause();
        } catch (RuntimeException e) {
            failure = e;
        }
        if (one == null) {
            if (stop() && failure != null) {
                fail(failure);
            }
            return false;
        }
        lock.lock();
        try {
            if (stage == Stage.TAKING) {
                taken.add(one);
                return true;
            }
        } finally {
            lock.unlock();
        }
        one.close();
        return false;
    }

    private void grant() {
        lock.lock();
        try {
            if (stage != Stage.TAKING) {
                return;
            }
            stage = Stage.GRANTED;
        } finally {
            lock.unlock();
        }
        keys.close();
        deliver(taken);
    }

    /** Ends the taking and gives everything back; or, if all was granted already, completes the future with it. */
    private boolean stop() {
        PermitFuture underWay;
        boolean granted;
        boolean stopped = false;
        lock.lock();
        try {
            if (stage == Stage.TAKING) {
                stage = Stage.STOPPED;
                stopped = true;
            }
            underWay = current;
            granted = stage == Stage.GRANTED;
        } finally {
            lock.unlock();
        }
        if (stopped) {
            try {
                if (underWay != null) {
                    underWay.undo();
                }
            } finally {
                try {
                    taken.close();
                } finally {
                    keys.close();
                }
            }
        } else if (granted) {
            deliver(taken);
        }
        return stopped;
    }

    @Override
    void leaveQueue() {
        stop();
    }
}
