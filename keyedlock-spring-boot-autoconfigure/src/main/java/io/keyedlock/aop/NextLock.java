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

    /** The permit that the lock which receives this call retains; see {@link #under}. Null if it retains none. */
    private final @Nullable ChainPermit previous;

    /** Set when the method itself is called. Shared by the clones of a call. */
    private final AtomicBoolean reached;

    private NextLock(
            ProxyMethodInvocation invocation,
            @Nullable LockedMethod next,
            Object bean,
            @Nullable ChainPermit previous,
            AtomicBoolean reached) {
        this.invocation = invocation;
        this.next = next;
        this.bean = bean;
        this.previous = previous;
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
                : call((ProxyMethodInvocation) invocation, method, bean, null, new AtomicBoolean());
    }

    private static @Nullable Object call(
            ProxyMethodInvocation invocation,
            LockedMethod method,
            Object bean,
            @Nullable ChainPermit previous,
            AtomicBoolean reached)
            throws Throwable {
        NextLock body = new NextLock(invocation, method.next(), bean, previous, reached);
        return method.strategy().call(body, method, method.contextOf(invocation, bean));
    }

    /** Returns whether the method itself was called. False if a further lock of the method was not acquired. */
    static boolean wasReached(MethodInvocation invocation) {
        return !(invocation instanceof NextLock lock) || lock.reached.get();
    }

    /** Returns the permit that the lock which receives a call retains, or null. */
    static @Nullable ChainPermit previous(MethodInvocation invocation) {
        return invocation instanceof NextLock lock ? lock.previous : null;
    }

    /** Returns a call whose next lock retains the permit of the current lock, which is so released after its own. */
    static MethodInvocation under(@Nullable ChainPermit held, MethodInvocation invocation) {
        return held != null && invocation instanceof NextLock lock
                ? new NextLock(lock.invocation, lock.next, lock.bean, held, lock.reached)
                : invocation;
    }

    @Override
    public @Nullable Object proceed() throws Throwable {
        if (next == null) {
            reached.set(true);
            return invocation.proceed();
        }
        return call(invocation, next, bean, previous, reached);
    }

    @Override
    public MethodInvocation invocableClone() {
        return new NextLock((ProxyMethodInvocation) invocation.invocableClone(), next, bean, previous, reached);
    }

    @Override
    public MethodInvocation invocableClone(Object... arguments) {
        return new NextLock(
                (ProxyMethodInvocation) invocation.invocableClone(arguments), next, bean, previous, reached);
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
