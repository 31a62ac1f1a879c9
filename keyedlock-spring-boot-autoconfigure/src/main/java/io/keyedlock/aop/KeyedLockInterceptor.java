// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/**
 * The advice. Finds the resolved annotation of the method and delegates the call to the strategy for its kind of
 * result.
 */
final class KeyedLockInterceptor implements MethodInterceptor {

    private final LockedMethods methods;

    KeyedLockInterceptor(LockedMethods methods) {
        this.methods = methods;
    }

    @Override
    public @Nullable Object invoke(MethodInvocation invocation) throws Throwable {
        Object target = invocation.getThis();
        if (target == null) {
            throw new IllegalStateException(
                    "@KeyedLock requires a target bean, but the proxy for " + invocation.getMethod() + " has none");
        }
        if (NestedProxies.isCovered(invocation)) {
            return NestedProxies.proceed(invocation);
        }
        Object bean = NestedProxies.targetOf(target);
        LockedMethod method = methods.get(invocation.getMethod(), bean.getClass());
        if (method == null) {
            // The target of a proxy may change to one whose class has no annotation.
            return invocation.proceed();
        }
        return NextLock.call(invocation, method, bean);
    }
}
