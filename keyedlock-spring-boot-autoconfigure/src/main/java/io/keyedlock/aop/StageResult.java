// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/**
 * For methods that return a {@code CompletionStage}. The caller is never blocked, and gets everything that goes wrong from
 * its future; the permit is held until the stage that the method returned has completed.
 */
final class StageResult implements ResultStrategy {

    private final Supplier<Executor> executor;

    StageResult(Supplier<Executor> executor) {
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
        return applies ? locked(invocation, method, context) : invocation.proceed();
    }

    private CompletableFuture<Object> locked(MethodInvocation invocation, LockedMethod method, CallContext context) {
        LockedFuture result = new LockedFuture(invocation, method);
        Object keys;
        KeyedLocker<Object> locker;
        CompletableFuture<Permit> acquisition;
        try {
            keys = AsyncPermits.keysOf(method, context);
            locker = method.locker().get();
            acquisition = AsyncPermits.of(method, locker, keys);
        } catch (RuntimeException | Error e) {
            // No key, a key whose own code throws, or no locker: nothing is held.
            result.completeExceptionally(e);
            return result;
        }
        if (!acquisition.isDone()) {
            result.waitFor(acquisition, locker, keys, executor);
            return result;
        }
        Throwable failure = AsyncPermits.failureOf(acquisition);
        if (failure == null) {
            result.run(acquisition.join());
        } else {
            result.notAcquired(locker, keys, failure);
        }
        return result;
    }
}
