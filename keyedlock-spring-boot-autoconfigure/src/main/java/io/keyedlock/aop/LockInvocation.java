// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;

/**
 * The call that acquires the lock. Expressions of {@link io.keyedlock.annotation.KeyedLock} see it as {@code #root}.
 *
 * <pre>{@code
 * @KeyedLock(key = "#root.args[0]")
 * void ship(long orderId) {}
 * }</pre>
 *
 * @since 0.1.0
 */
public final class LockInvocation {

    private final Object target;
    private final Method method;
    private final Object[] args;

    LockInvocation(Object target, Method method, Object[] args) {
        this.target = target;
        this.method = method;
        this.args = args;
    }

    /**
     * Returns the bean itself, not its proxy.
     *
     * @return the object whose method is called
     */
    public Object getTarget() {
        return target;
    }

    /**
     * Returns the class of the bean.
     *
     * @return the class of {@link #getTarget()}
     */
    public Class<?> getTargetClass() {
        return target.getClass();
    }

    /**
     * Returns the method as declared or inherited by the class of the bean.
     *
     * @return the method
     */
    public Method getMethod() {
        return method;
    }

    /**
     * Returns the arguments of the call.
     *
     * @return the arguments, in order; empty if there are none
     */
    @SuppressWarnings("PMD.MethodReturnsInternalArray")
    public Object[] getArgs() {
        return args;
    }
}
