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

    private final transient PermitRequest request;

    private final transient Permit permit;

    /** The permit of the lock before this one on the same method, which is retained so that it is released later; or null. */
    private final transient @Nullable ChainPermit previous;

    private ChainPermit(PermitRequest request, Permit permit) {
        super(1);
        this.request = request;
        this.permit = permit;
        ChainPermit before = request.previous();
        this.previous = before != null && before.retain() ? before : null;
    }

    /** Records the acquired permit of a request together with those that it retains, which are released when the call ends. */
    static ChainPermit of(PermitRequest request, Permit own) {
        try {
            List<ChainPermit> retained = request.retained();
            return new ChainPermit(request, retained.isEmpty() ? own : new CompositePermit(own, retained));
        } catch (Throwable e) {
            // Nobody else can close them.
            own.close();
            request.releaseRetained();
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
            restore(CURRENT_BODY, before);
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
            restore(CURRENT_SUBSCRIPTION, before);
        }
    }

    private static void restore(ThreadLocal<@Nullable ChainPermit> current, @Nullable ChainPermit before) {
        if (before == null) {
            current.remove();
        } else {
            current.set(before);
        }
    }

    private boolean mayFail() {
        ChainPermit outer = outer();
        return failsIfLost() || (outer != null && outer.mayFail());
    }

    private boolean failsIfLost() {
        return CurrentPermit.failOnLeaseLost(request.locker());
    }

    /** Throws if a call of the chain that has not ended has lost its lease and must fail. */
    void checkChain() {
        for (ChainPermit each = this; each != null; each = each.outer()) {
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
        for (ChainPermit each = innermost; each != null; each = each.outer()) {
            if (each.request.locker() == locker && each.request.covers(key) && each.retain()) {
                return each;
            }
        }
        return null;
    }

    /** Returns the permit of the enclosing call, or null. */
    private @Nullable ChainPermit outer() {
        return request.outer();
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
