// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Method;
import java.util.concurrent.atomic.AtomicBoolean;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.ProxyMethodInvocation;

/**
 * A call of a method with several locks, as the strategy of one lock sees it. Proceeding acquires the next lock. So each
 * strategy holds its permit around the rest, for any kind of result: all locks are acquired or none, in order, and released
 * in reverse.
 */
final class NextLock implements ProxyMethodInvocation {

    private final ProxyMethodInvocation invocation;

    /** The next lock, or null if the method itself comes next. */
    private final @Nullable LockedMethod next;

    private final Object bean;

    /** Whether another lock of the method was acquired, or did not apply, before the one that receives this call. */
    private final boolean further;

    /** Set when the method itself is called. Shared by the clones of a call. */
    private final AtomicBoolean reached;

    private NextLock(
            ProxyMethodInvocation invocation,
            @Nullable LockedMethod next,
            Object bean,
            boolean further,
            AtomicBoolean reached) {
        this.invocation = invocation;
        this.next = next;
        this.bean = bean;
        this.further = further;
        this.reached = reached;
    }

    /**
     * Calls a method under a lock and those that follow it.
     *
     * @param bean the object behind all proxies
     */
    static @Nullable Object call(MethodInvocation invocation, LockedMethod method, Object bean) throws Throwable {
        return method.next() == null
                ? method.strategy().call(invocation, method, method.contextOf(invocation, bean))
                : call((ProxyMethodInvocation) invocation, method, bean, false, new AtomicBoolean());
    }

    private static @Nullable Object call(
            ProxyMethodInvocation invocation, LockedMethod method, Object bean, boolean further, AtomicBoolean reached)
            throws Throwable {
        NextLock body = new NextLock(invocation, method.next(), bean, further, reached);
        return method.strategy().call(body, method, method.contextOf(invocation, bean));
    }

    /** Returns whether the method itself was called. False if a further lock of the method was not acquired. */
    static boolean wasReached(MethodInvocation invocation) {
        return !(invocation instanceof NextLock lock) || lock.reached.get();
    }

    /** Returns whether the lock that receives a call is not the first of its method. */
    static boolean isFurther(MethodInvocation invocation) {
        return invocation instanceof NextLock lock && lock.further;
    }

    @Override
    public @Nullable Object proceed() throws Throwable {
        if (next == null) {
            reached.set(true);
            return invocation.proceed();
        }
        return call(invocation, next, bean, true, reached);
    }

    @Override
    public MethodInvocation invocableClone() {
        return new NextLock((ProxyMethodInvocation) invocation.invocableClone(), next, bean, further, reached);
    }

    @Override
    public MethodInvocation invocableClone(Object... arguments) {
        return new NextLock((ProxyMethodInvocation) invocation.invocableClone(arguments), next, bean, further, reached);
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
