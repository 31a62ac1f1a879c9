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
 * One permit for several keys, released in reverse order. It has no fencing token, because no single number would be right for
 * each of the keys.
 */
final class MultiKeyPermit implements Permit {

    private final List<Permit> permits;

    private final AtomicBoolean closed = new AtomicBoolean();

    /** Reserves the memory for each permit, so that adding one does not fail. */
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
        try {
            long start = locker.clock.nanoTime();
            for (int i = 0; i < keys.size(); i++) {
                KeyOrder.Slot slot = keys.get(i);
                long remaining = remaining(nanos, start, i == 0 ? start : locker.clock.nanoTime());
                all.add(locker.acquire(slot.key, slot.hash, remaining, waitTime));
            }
            return all;
        } catch (Throwable e) {
            all.close();
            throw e;
        }
    }

    static @Nullable Permit tryAcquire(DefaultKeyedLocker<?> locker, KeyOrder keys) {
        MultiKeyPermit all = new MultiKeyPermit(keys.size());
        try {
            for (int i = 0; i < keys.size(); i++) {
                KeyOrder.Slot slot = keys.get(i);
                Permit permit = locker.tryAcquire(slot.key, slot.hash);
                if (permit == null) {
                    all.close();
                    return null;
                }
                all.add(permit);
            }
            return all;
        } catch (Throwable e) {
            all.close();
            throw e;
        }
    }

    /** Returns the remaining wait time, zero if it has passed. */
    static long remaining(long nanos, long start, long now) {
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
                    // Thrown after the others were closed.
                    failure = e;
                }
            }
            if (failure != null) {
                // The next close tries again. Closed permits stay closed.
                closed.set(false);
                throw failure;
            }
        }
    }
}
