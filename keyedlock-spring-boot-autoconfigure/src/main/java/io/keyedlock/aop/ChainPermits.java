// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/**
 * What one call of a chain of asynchronous calls holds. Calls further inside find it and pass: those of a reactive chain in the
 * Reactor context, those of the body of a future on the thread that runs the body, until the body has returned.
 *
 * <p>Its number counts the calls that use the permit: the one that took it, and those inside that passed on it. The last to
 * end gives the permit back. At zero it stays there, so a reference that outlives the calls opens nothing: who wants in
 * either comes before the last one has ended, and keeps the key held, or takes a permit of its own.
 */
final class ChainPermits extends AtomicInteger {

    private static final long serialVersionUID = 1L;

    private static final ThreadLocal<@Nullable ChainPermits> OF_BODY = new ThreadLocal<>();

    private final transient KeyedLocker<Object> locker;

    /** The key, or the list of keys where {@link #several}. */
    private final transient Object keys;

    private final boolean several;

    private final transient Permit permit;

    /** What the call around this one holds. */
    private final transient @Nullable ChainPermits outer;

    private ChainPermits(
            KeyedLocker<Object> locker, Object keys, boolean several, Permit permit, @Nullable ChainPermits outer) {
        super(1);
        this.locker = locker;
        this.keys = keys;
        this.several = several;
        this.permit = permit;
        this.outer = outer;
    }

    /**
     * Records what has been acquired, together with what the chain held already.
     *
     * @param entered what {@link AsyncPermits#inside} has entered; left when this call ends
     */
    static ChainPermits of(
            KeyedLocker<Object> locker,
            Object keys,
            LockedMethod method,
            Permit own,
            @Nullable ChainPermits outer,
            List<ChainPermits> entered) {
        Permit all = entered.isEmpty() ? own : new ChainPermit(own, entered);
        return new ChainPermits(locker, keys, method.hasSeveralKeys(), all, outer);
    }

    /** What the body of a future holds that this thread runs; null if it runs none. */
    static @Nullable ChainPermits ofBody() {
        return OF_BODY.get();
    }

    /** Runs the body of a future that holds this. */
    @Nullable
    Object run(MethodInvocation body) throws Throwable {
        ChainPermits before = OF_BODY.get();
        OF_BODY.set(this);
        try {
            return NestedProxies.resume(body);
        } finally {
            if (before == null) {
                OF_BODY.remove();
            } else {
                OF_BODY.set(before);
            }
        }
    }

    /** Uses what a chain holds of a key until {@link #leave()}; null if it holds nothing of it, or no longer. */
    static @Nullable ChainPermits enter(@Nullable ChainPermits innermost, KeyedLocker<Object> locker, Object key) {
        for (ChainPermits each = innermost; each != null; each = each.outer) {
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

    Permit permit() {
        return permit;
    }

    /** Ends one use, once for each that began. */
    void leave() {
        if (decrementAndGet() == 0) {
            permit.close();
        }
    }
}
