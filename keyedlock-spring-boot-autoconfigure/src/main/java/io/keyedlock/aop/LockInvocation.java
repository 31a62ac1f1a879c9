// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.lang.reflect.Method;

/**
 * What an expression of {@link io.keyedlock.annotation.KeyedLock} sees as {@code #root}: the call that asks for the lock.
 *
 * <pre>{@code
 * @KeyedLock(key = "#root.args[0]")
 * void ship(long orderId) {}
 * }</pre>
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
     * The bean, without its proxy.
     *
     * @return the object whose method is called
     */
    public Object getTarget() {
        return target;
    }

    /**
     * The class of the bean.
     *
     * @return the class of {@link #getTarget()}
     */
    public Class<?> getTargetClass() {
        return target.getClass();
    }

    /**
     * The method as the class of the bean has it.
     *
     * @return the method
     */
    public Method getMethod() {
        return method;
    }

    /**
     * The arguments of the call.
     *
     * @return the arguments, in order; empty if there are none
     */
    @SuppressWarnings("PMD.MethodReturnsInternalArray")
    public Object[] getArgs() {
        return args;
    }
}
