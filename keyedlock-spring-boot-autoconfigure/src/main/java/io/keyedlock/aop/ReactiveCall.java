// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.springframework.aop.ProxyMethodInvocation;

/**
 * A call of a method that returns a publisher, repeated for each subscription.
 *
 * @param invocation the intercepted call; cloned for each subscription, as it can proceed only once
 * @param method the resolved annotation
 * @param context the evaluation context of its expressions
 * @param bodies supplies the body of a subscription
 * @param executor supplies the executor of a body that had to wait, if its subscriber may block
 */
record ReactiveCall(
        MethodInvocation invocation,
        LockedMethod method,
        CallContext context,
        Supplier<ReactiveBody> bodies,
        Supplier<Executor> executor) {

    /** Runs the method with all inner advice, under the permit that the call holds, if it has acquired one. */
    Publisher<Object> proceed(ReactiveBody body, @Nullable ChainPermit held) throws Throwable {
        MethodInvocation once = invocation instanceof ProxyMethodInvocation proxied
                ? proxied.invocableClone(body.arguments(invocation.getArguments()))
                : invocation;
        Object returned = NestedProxies.resume(NextLock.under(held, once));
        if (returned == null) {
            throw new IllegalStateException("@KeyedLock on " + method.place() + ": it returned null instead of a "
                    + method.method().getReturnType().getSimpleName() + ". Return an empty one");
        }
        return body.publisher(returned);
    }
}
