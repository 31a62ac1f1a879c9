// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInvocation;
import org.reactivestreams.Publisher;
import org.springframework.aop.ProxyMethodInvocation;

/**
 * A call of a method that returns a publisher, which is made anew for each subscription.
 *
 * @param invocation the call as the advice got it; never carried out itself, as that can be done only once
 * @param method its annotation, resolved
 * @param context what its expressions see
 * @param bodies gives what a subscription runs
 * @param executor gives what runs a body that had to wait, if its subscriber may block
 */
record ReactiveCall(
        MethodInvocation invocation,
        LockedMethod method,
        CallContext context,
        Supplier<ReactiveBody> bodies,
        Supplier<Executor> executor) {

    /** Runs the method, with all advice further inside. */
    Publisher<Object> proceed(ReactiveBody body) throws Throwable {
        MethodInvocation once = invocation instanceof ProxyMethodInvocation proxied
                ? proxied.invocableClone(body.arguments(invocation.getArguments()))
                : invocation;
        Object returned = NestedProxies.resume(once);
        if (returned == null) {
            throw new IllegalStateException("@KeyedLock on " + method.place() + ": it returned null instead of a "
                    + method.method().getReturnType().getSimpleName() + ". Return an empty one");
        }
        return body.publisher(returned);
    }
}
