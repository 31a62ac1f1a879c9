// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.Advisor;
import org.springframework.aop.ProxyMethodInvocation;
import org.springframework.aop.TargetSource;
import org.springframework.aop.framework.Advised;
import org.springframework.aop.interceptor.ExposeInvocationInterceptor;

/**
 * Ensures that a call acquires its lock once if two auto-proxy creators have each wrapped a bean in a proxy with this
 * advice.
 *
 * <p>The outermost advice locks, as all inner advice, such as a transaction, must run inside the lock. While it
 * proceeds, the thread stores the next proxy with this advice, and the advice of that proxy only proceeds. A call that
 * reaches the inner proxy in another way is locked there.
 */
final class NestedProxies {

    /** Whether a thread has ever stored a next proxy. Until then the thread-local need not be read. */
    private static volatile boolean inUse;

    private static final ThreadLocal<@Nullable Object> NEXT = new ThreadLocal<>();

    private NestedProxies() {}

    /** Returns whether the advice of an outer proxy has locked this call. */
    static boolean isCovered(MethodInvocation invocation) {
        return inUse && invocation instanceof ProxyMethodInvocation call && call.getProxy() == NEXT.get();
    }

    /** Proceeds with a call that this advice has locked. */
    static @Nullable Object proceed(MethodInvocation invocation) throws Throwable {
        return proceed(invocation, MethodInvocation::proceed);
    }

    /**
     * As {@link #proceed(MethodInvocation)}, for a call that is no longer the current invocation of this thread. Makes
     * it the current one again, because inner aspects look it up.
     */
    static @Nullable Object resume(MethodInvocation invocation) throws Throwable {
        return proceed(invocation, ExposeInvocationInterceptor.INSTANCE);
    }

    private static @Nullable Object proceed(MethodInvocation invocation, MethodInterceptor how) throws Throwable {
        Object next = advised(invocation.getThis());
        if (next == null && !isCovered(invocation)) {
            return how.invoke(invocation);
        }
        inUse = true;
        Object before = NEXT.get();
        NEXT.set(next);
        try {
            return how.invoke(invocation);
        } finally {
            NEXT.set(before);
        }
    }

    /** Returns the object behind all proxies around a bean. */
    static Object targetOf(Object proxied) {
        Object target = proxied;
        while (target instanceof Advised proxy) {
            Object inner = staticTarget(proxy);
            if (inner == null) {
                break;
            }
            target = inner;
        }
        return target;
    }

    /** Returns the outermost proxy around a target that has this advice, or null if none has. */
    private static @Nullable Object advised(@Nullable Object target) {
        Object each = target;
        while (each instanceof Advised proxy) {
            for (Advisor advisor : proxy.getAdvisors()) {
                if (advisor instanceof KeyedLockAdvisor) {
                    return each;
                }
            }
            each = staticTarget(proxy);
        }
        return null;
    }

    private static @Nullable Object staticTarget(Advised proxy) {
        TargetSource source = proxy.getTargetSource();
        try {
            return source.isStatic() ? source.getTarget() : null;
        } catch (Exception e) {
            // A target source that fails here will fail for the call as well.
            return null;
        }
    }
}
