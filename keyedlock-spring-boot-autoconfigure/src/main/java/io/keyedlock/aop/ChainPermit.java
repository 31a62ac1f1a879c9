// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/**
 * The permit of one call in a chain of asynchronous calls. Inner calls on the same key find and use it: in a reactive
 * chain through the Reactor context, in the body of a future through the thread that runs the body, until the body has
 * returned.
 *
 * <p>The number is a reference count: the call that acquired the permit, and the inner calls that use it. The last of
 * them to end releases the permit. A count of zero is final, so a reference that outlives the calls is useless: a call
 * either retains the permit before the last user has ended, and so keeps the key held, or acquires its own permit.
 */
final class ChainPermit extends AtomicInteger {

    private static final long serialVersionUID = 1L;

    private static final ThreadLocal<@Nullable ChainPermit> CURRENT_BODY = new ThreadLocal<>();

    /** The permit of the chain whose source this thread subscribes to, if a lease is among its permits. */
    private static final ThreadLocal<@Nullable ChainPermit> CURRENT_SUBSCRIPTION = new ThreadLocal<>();

    private final transient KeyedLocker<Object> locker;

    /** The key, or the list of keys where {@link #multiKey}. */
    private final transient Object keys;

    private final boolean multiKey;

    private final transient Permit permit;

    /** The permit of the enclosing call. */
    private final transient @Nullable ChainPermit outer;

    /** The permit of the lock before this one on the same method, which is retained so that it is released later; or null. */
    private final transient @Nullable ChainPermit previous;

    private ChainPermit(
            KeyedLocker<Object> locker,
            Object keys,
            boolean multiKey,
            Permit permit,
            @Nullable ChainPermit outer,
            @Nullable ChainPermit previous) {
        super(1);
        this.locker = locker;
        this.keys = keys;
        this.multiKey = multiKey;
        this.permit = permit;
        this.outer = outer;
        this.previous = previous != null && previous.retain() ? previous : null;
    }

    /**
     * Records the acquired permit together with those that the chain holds already.
     *
     * @param retained the permits that {@link AsyncPermits#acquireInChain} has retained; released when this call ends
     * @param previous the permit of the lock before this one on the same method, if it is to be released later
     */
    static ChainPermit of(
            KeyedLocker<Object> locker,
            Object keys,
            LockedMethod method,
            Permit own,
            @Nullable ChainPermit outer,
            List<ChainPermit> retained,
            @Nullable ChainPermit previous) {
        try {
            Permit all = retained.isEmpty() ? own : new CompositePermit(own, retained);
            return new ChainPermit(locker, keys, method.hasSeveralKeys(), all, outer, previous);
        } catch (Throwable e) {
            // Nobody else can close them.
            own.close();
            retained.forEach(ChainPermit::release);
            throw e;
        }
    }

    /** Returns the permit of the future's body that this thread runs, or null if it runs none. */
    static @Nullable ChainPermit ofBody() {
        return CURRENT_BODY.get();
    }

    /** Runs the body of a future that holds this permit. */
    @Nullable
    Object run(MethodInvocation body) throws Throwable {
        ChainPermit before = CURRENT_BODY.get();
        CURRENT_BODY.set(this);
        try {
            return NestedProxies.resume(body);
        } finally {
            if (before == null) {
                CURRENT_BODY.remove();
            } else {
                CURRENT_BODY.set(before);
            }
        }
    }

    /** Returns the permit of the chain whose source this thread subscribes to, or null if there is no lease among its permits. */
    static @Nullable ChainPermit ofSubscription() {
        return CURRENT_SUBSCRIPTION.get();
    }

    /** Subscribes to the source of a chain that holds this permit. */
    void subscribe(Runnable subscription) {
        if (!mayFail()) {
            subscription.run();
            return;
        }
        ChainPermit before = CURRENT_SUBSCRIPTION.get();
        CURRENT_SUBSCRIPTION.set(this);
        try {
            subscription.run();
        } finally {
            if (before == null) {
                CURRENT_SUBSCRIPTION.remove();
            } else {
                CURRENT_SUBSCRIPTION.set(before);
            }
        }
    }

    private boolean mayFail() {
        return failsIfLost() || (outer != null && outer.mayFail());
    }

    private boolean failsIfLost() {
        return CurrentPermit.failsLostCalls(locker);
    }

    /** Throws if a call of the chain that has not ended has lost its lease and must fail. */
    void checkChain() {
        for (ChainPermit each = this; each != null; each = each.outer) {
            if (each.get() > 0 && each.failsIfLost()) {
                each.permit.checkValid();
            }
        }
    }

    /**
     * Retains the permit that a chain holds for a key, until {@link #release()}. Returns null if the chain holds none,
     * or no longer.
     */
    static @Nullable ChainPermit retain(@Nullable ChainPermit innermost, KeyedLocker<Object> locker, Object key) {
        for (ChainPermit each = innermost; each != null; each = each.outer) {
            if (each.locker == locker && each.covers(key) && each.retain()) {
                return each;
            }
        }
        return null;
    }

    private boolean covers(Object key) {
        return multiKey ? ((List<?>) keys).contains(key) : keys.equals(key);
    }

    private boolean retain() {
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

    /** Ends one use. Must be called once for each use. */
    void release() {
        if (decrementAndGet() == 0) {
            try {
                permit.close();
            } finally {
                if (previous != null) {
                    previous.release();
                }
            }
        }
    }
}
