// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/**
 * Runs the calls of methods with one kind of result. Determines whether and when the lock is acquired, and when it is
 * released.
 */
interface ResultStrategy {

    /**
     * Runs a call.
     *
     * @param invocation the call
     * @param method the resolved annotation
     * @param context the evaluation context of its expressions
     * @return the result for the caller
     * @throws Throwable the failure for the caller
     */
    @Nullable
    Object call(MethodInvocation invocation, LockedMethod method, CallContext context) throws Throwable;
}
