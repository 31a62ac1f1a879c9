// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * One permit for several keys, which are given back in reverse order. It has no fencing token, as no single number would be
 * right for each of the keys.
 */
final class MultiKeyPermit implements Permit {

    private final List<Permit> permits;

    private final AtomicBoolean closed = new AtomicBoolean();

    /** Makes a place for each permit, so that adding one does not fail for want of memory. */
    MultiKeyPermit(int size) {
        permits = new ArrayList<>(size);
    }

    void add(Permit permit) {
        permits.add(permit);
    }

    int size() {
        return permits.size();
    }

    static Permit acquire(DefaultKeyedLocker<?> locker, KeyOrder keys, long nanos, Duration waitTime)
            throws InterruptedException {
        MultiKeyPermit all = new MultiKeyPermit(keys.size());
        boolean complete = false;
        try {
            long start = locker.clock.nanoTime();
            for (int i = 0; i < keys.size(); i++) {
                KeyOrder.Slot slot = keys.get(i);
                long left = left(nanos, start, i == 0 ? start : locker.clock.nanoTime());
                all.add(locker.acquire(slot.key, slot.hash, left, waitTime));
            }
            complete = true;
        } finally {
            if (!complete) {
                all.close();
            }
        }
        return all;
    }

    static @Nullable Permit tryAcquire(DefaultKeyedLocker<?> locker, KeyOrder keys) {
        MultiKeyPermit all = new MultiKeyPermit(keys.size());
        boolean complete = false;
        try {
            for (int i = 0; i < keys.size(); i++) {
                KeyOrder.Slot slot = keys.get(i);
                Permit permit = locker.tryAcquire(slot.key, slot.hash);
                if (permit == null) {
                    return null;
                }
                all.add(permit);
            }
            complete = true;
        } finally {
            if (!complete) {
                all.close();
            }
        }
        return all;
    }

    /** What is left of a wait, zero if it is over. */
    static long left(long nanos, long start, long now) {
        return nanos == Long.MAX_VALUE ? nanos : Math.max(0, nanos - (now - start));
    }

    @Override
    public boolean isValid() {
        return permits.stream().allMatch(Permit::isValid);
    }

    @Override
    public void checkValid() {
        permits.forEach(Permit::checkValid);
    }

    @Override
    public CompletionStage<Void> whenLost() {
        CompletableFuture<Void> any = new CompletableFuture<>();
        permits.forEach(permit -> permit.whenLost().thenRun(() -> any.complete(null)));
        return any;
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            VirtualMachineError failure = null;
            for (int i = permits.size() - 1; i >= 0; i--) {
                try {
                    permits.get(i).close();
                } catch (VirtualMachineError e) {
                    // The others are closed before it goes on.
                    failure = e;
                }
            }
            if (failure != null) {
                // The next close tries again; those that are closed stay so.
                closed.set(false);
                throw failure;
            }
        }
    }
}
