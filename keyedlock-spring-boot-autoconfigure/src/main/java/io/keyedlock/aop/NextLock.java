// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Method;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.ProxyMethodInvocation;

/**
 * A call of a method with several locks, as the strategy of one lock sees it. Proceeding acquires the next lock. So each
 * strategy holds its permit around the rest, whatever the kind of result: all locks are acquired or none, in order, and released
 * in reverse.
 */
final class NextLock implements ProxyMethodInvocation {

    private final ProxyMethodInvocation invocation;

    private final LockedMethod next;

    private final Object bean;

    private NextLock(ProxyMethodInvocation invocation, LockedMethod next, Object bean) {
        this.invocation = invocation;
        this.next = next;
        this.bean = bean;
    }

    /**
     * Calls a method under a lock and those that follow it.
     *
     * @param bean the object behind all proxies
     */
    static @Nullable Object call(MethodInvocation invocation, LockedMethod method, Object bean) throws Throwable {
        LockedMethod next = method.next();
        MethodInvocation body =
                next == null ? invocation : new NextLock((ProxyMethodInvocation) invocation, next, bean);
        return method.strategy().call(body, method, method.contextOf(invocation, bean));
    }

    @Override
    public @Nullable Object proceed() throws Throwable {
        return call(invocation, next, bean);
    }

    @Override
    public MethodInvocation invocableClone() {
        return new NextLock((ProxyMethodInvocation) invocation.invocableClone(), next, bean);
    }

    @Override
    public MethodInvocation invocableClone(Object... arguments) {
        return new NextLock((ProxyMethodInvocation) invocation.invocableClone(arguments), next, bean);
    }

    @Override
    public Object getProxy() {
        return invocation.getProxy();
    }

    @Override
    public Method getMethod() {
        return invocation.getMethod();
    }

    @Override
    public @Nullable Object[] getArguments() {
        return invocation.getArguments();
    }

    @Override
    public void setArguments(Object... arguments) {
        invocation.setArguments(arguments);
    }

    @Override
    public @Nullable Object getThis() {
        return invocation.getThis();
    }

    @Override
    public AccessibleObject getStaticPart() {
        return invocation.getStaticPart();
    }

    @Override
    public void setUserAttribute(String key, @Nullable Object value) {
        invocation.setUserAttribute(key, value);
    }

    @Override
    public @Nullable Object getUserAttribute(String key) {
        return invocation.getUserAttribute(key);
    }
}
