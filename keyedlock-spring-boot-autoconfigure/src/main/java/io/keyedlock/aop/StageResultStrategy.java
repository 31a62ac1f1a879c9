// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.Permit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/**
 * The strategy for methods that return a {@code CompletionStage}. The caller is never blocked and receives every
 * failure through its future. The permit is held until the stage that the method returned has completed.
 */
final class StageResultStrategy implements ResultStrategy {

    private final Supplier<Executor> executor;

    StageResultStrategy(Supplier<Executor> executor) {
        this.executor = executor;
    }

    @Override
    public @Nullable Object call(MethodInvocation invocation, LockedMethod method, CallContext context)
            throws Throwable {
        boolean applies;
        try {
            applies = method.applies(context);
        } catch (RuntimeException | Error e) {
            return CompletableFuture.failedFuture(e);
        }
        return applies ? locked(invocation, method, context) : NestedProxies.proceed(invocation);
    }

    private CompletableFuture<Object> locked(MethodInvocation invocation, LockedMethod method, CallContext context) {
        PermitRequest request = null;
        CompletableFuture<Permit> acquisition;
        try {
            request = PermitRequest.of(method, context, ChainPermit.ofBody(), null);
            acquisition = request.send();
        } catch (RuntimeException | Error e) {
            // The key failed, the key's own code has thrown, or there is no locker. Nothing is held.
            if (request != null) {
                request.releaseRetained();
            }
            return CompletableFuture.failedFuture(e);
        }
        LockedFuture result = new LockedFuture(invocation, method);
        if (!acquisition.isDone()) {
            result.runWhenAcquired(acquisition, request, executor);
            return result;
        }
        Throwable failure = request.failureOf(acquisition);
        if (failure == null) {
            result.run(ChainPermit.of(request, acquisition.join()));
        } else {
            result.notAcquired(request, failure);
        }
        return result;
    }
}
