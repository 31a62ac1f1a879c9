// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/** The advice: finds what the annotation of the method says and leaves the call to the strategy for its kind of result. */
final class KeyedLockInterceptor implements MethodInterceptor {

    private final LockedMethods methods;

    KeyedLockInterceptor(LockedMethods methods) {
        this.methods = methods;
    }

    @Override
    public @Nullable Object invoke(MethodInvocation invocation) throws Throwable {
        Object target = invocation.getThis();
        if (target == null) {
            throw new IllegalStateException("@KeyedLock needs a bean, and " + invocation.getMethod() + " has none");
        }
        if (NestedProxies.isCovered(invocation)) {
            return NestedProxies.proceed(invocation);
        }
        Object bean = NestedProxies.targetOf(target);
        LockedMethod method = methods.get(invocation.getMethod(), bean.getClass());
        if (method == null) {
            // A proxy whose target changes may stand before a class that has no annotation.
            return invocation.proceed();
        }
        return method.strategy().call(invocation, method, method.contextOf(invocation, bean));
    }
}
