// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/**
 * For methods that return a {@code CompletionStage}. The caller is never blocked, and gets everything that goes wrong from
 * its future; the permit is held until the stage that the method returned has completed.
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
        LockedFuture result = new LockedFuture(invocation, method);
        ChainPermits outer = ChainPermits.ofBody();
        List<ChainPermits> entered = outer == null ? List.of() : new ArrayList<>();
        LockedFuture.Wanted wanted;
        CompletableFuture<Permit> acquisition;
        try {
            Object keys = AsyncPermits.keysOf(method, context);
            KeyedLocker<Object> locker = method.locker().get();
            wanted = new LockedFuture.Wanted(method, locker, keys, outer, entered);
            acquisition = outer == null
                    ? AsyncPermits.of(method, locker, keys)
                    : AsyncPermits.inside(method, locker, keys, outer, entered);
        } catch (RuntimeException | Error e) {
            // No key, a key whose own code throws, or no locker: nothing is held.
            entered.forEach(ChainPermits::leave);
            result.completeExceptionally(e);
            return result;
        }
        if (!acquisition.isDone()) {
            result.waitFor(acquisition, wanted, executor);
            return result;
        }
        Throwable failure = AsyncPermits.failureOf(acquisition, method);
        if (failure == null) {
            result.run(wanted.hold(acquisition.join()));
        } else {
            result.notAcquired(wanted, failure);
        }
        return result;
    }
}
