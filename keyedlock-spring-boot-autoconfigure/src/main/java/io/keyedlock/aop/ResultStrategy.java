// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/** How a call runs under its lock, given what kind of result its method has: whether and when the lock is taken, and when given back. */
interface ResultStrategy {

    /**
     * Runs a call.
     *
     * @param invocation the call
     * @param method its annotation, resolved
     * @param context what its expressions see
     * @return what the caller gets
     * @throws Throwable what the caller gets instead
     */
    @Nullable
    Object call(MethodInvocation invocation, LockedMethod method, CallContext context) throws Throwable;
}
