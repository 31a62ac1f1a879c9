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
 * Sees to it that a call takes its lock once where two auto-proxy creators have put a proxy with our advice around a bean each.
 *
 * <p>The outermost advice locks, since whatever advice stands further inside, such as a transaction, belongs inside the lock. While it
 * proceeds, the calling thread knows the next proxy with our advice, and the advice of that proxy passes the call on. A call that
 * comes to the inner proxy by another way is locked there.
 */
final class NestedProxies {

    /** Whether a thread has ever known a next proxy; until then none need be asked. */
    private static volatile boolean inUse;

    private static final ThreadLocal<@Nullable Object> NEXT = new ThreadLocal<>();

    private NestedProxies() {}

    /** Whether the advice of a proxy further outside has taken care of this call. */
    static boolean isCovered(MethodInvocation invocation) {
        return inUse && invocation instanceof ProxyMethodInvocation call && call.getProxy() == NEXT.get();
    }

    /** Runs the rest of a call that has been taken care of. */
    static @Nullable Object proceed(MethodInvocation invocation) throws Throwable {
        return proceed(invocation, MethodInvocation::proceed);
    }

    /** The same for a call that is no longer the one under way on this thread; aspects further inside ask for that one. */
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

    /** The object that all proxies around a bean stand for. */
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

    /** The outermost of the proxies around a target that has our advice; null if none has. */
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
            // A source that fails now will fail for the call as well.
            return null;
        }
    }
}
