// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * What one call of a reactive chain holds. It travels in the Reactor context, so that calls further inside, which no thread
 * connects with this one, find it and pass.
 *
 * <p>Its number counts the calls that use the permit: the one that took it, and those inside that passed on it. The last to
 * end gives the permit back. At zero it stays there, so a reference that outlives the calls opens nothing: who wants in
 * either comes before the last one has ended, and keeps the key held, or takes a permit of its own.
 */
final class Held extends AtomicInteger {

    private static final long serialVersionUID = 1L;

    private final transient KeyedLocker<Object> locker;

    /** The key, or the list of keys where {@link #several}. */
    private final transient Object keys;

    private final boolean several;

    private final transient Permit permit;

    /** What the call around this one holds. */
    private final transient @Nullable Held outer;

    Held(KeyedLocker<Object> locker, Object keys, boolean several, Permit permit, @Nullable Held outer) {
        super(1);
        this.locker = locker;
        this.keys = keys;
        this.several = several;
        this.permit = permit;
        this.outer = outer;
    }

    /** Uses what a chain holds of a key until {@link #leave()}; null if it holds nothing of it, or no longer. */
    static @Nullable Held enter(@Nullable Held innermost, KeyedLocker<Object> locker, Object key) {
        for (Held each = innermost; each != null; each = each.outer) {
            if (each.locker == locker && each.covers(key) && each.enter()) {
                return each;
            }
        }
        return null;
    }

    private boolean covers(Object key) {
        return several ? ((List<?>) keys).contains(key) : keys.equals(key);
    }

    private boolean enter() {
        for (int users = get(); users > 0; users = get()) {
            if (compareAndSet(users, users + 1)) {
                return true;
            }
        }
        return false;
    }

    /** Ends one use, once for each that began. */
    void leave() {
        if (decrementAndGet() == 0) {
            permit.close();
        }
    }
}
