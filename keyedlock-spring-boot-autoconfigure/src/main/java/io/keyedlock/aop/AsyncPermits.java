// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.LockReentryException;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * Acquires permits for calls whose result is available later. No thread owns these permits and none blocks for them;
 * timeouts come from the timer that all lockers share.
 */
final class AsyncPermits {

    private AsyncPermits() {}

    /** Requests the permit of one key with the attributes of the annotation. Throws exceptions of the key's own code. */
    static CompletableFuture<Permit> acquireOne(LockedMethod method, KeyedLocker<Object> locker, Object key) {
        if (method.policy() != KeyedLock.Policy.BLOCK) {
            return method.requireResult(locker.tryAcquireAsync(key));
        }
        Duration waitTime = method.waitTime();
        return method.requireResult(waitTime == null ? locker.acquireAsync(key) : locker.acquireAsync(key, waitTime));
    }

    /** Requests the permits of several keys. */
    static CompletableFuture<Permit> acquireAll(LockedMethod method, KeyedLocker<Object> locker, List<Object> keys) {
        if (method.policy() != KeyedLock.Policy.BLOCK) {
            return method.requireResult(locker.tryAcquireAllAsync(keys));
        }
        Duration waitTime = method.waitTime();
        return method.requireResult(locker.acquireAllAsync(
                keys, waitTime == null ? method.requireResult(locker.settings()).waitTime() : waitTime));
    }

    /** Requests the permits of a call that is not inside a chain that holds any of them. */
    static CompletableFuture<Permit> acquire(LockedMethod method, KeyedLocker<Object> locker, Object keys) {
        return method.hasSeveralKeys() ? acquireAll(method, locker, asList(keys)) : acquireOne(method, locker, keys);
    }

    /**
     * Requests the permits that a chain of calls does not hold yet, and retains those that it holds.
     *
     * @param retained receives the permits of outer calls that this call uses
     */
    static CompletableFuture<Permit> acquireInChain(
            LockedMethod method,
            KeyedLocker<Object> locker,
            Object keys,
            ChainPermit outer,
            List<ChainPermit> retained) {
        List<Object> wanted = method.hasSeveralKeys() ? asList(keys) : List.of(keys);
        List<Object> missing = new ArrayList<>();
        for (Object key : wanted) {
            ChainPermit held = ChainPermit.retain(outer, locker, key);
            if (held == null) {
                missing.add(key);
                continue;
            }
            retained.add(held);
            if (!locker.settings().reentrant()) {
                return CompletableFuture.failedFuture(reentryFailure(method, locker, key));
            }
        }
        if (missing.isEmpty()) {
            return CompletableFuture.completedFuture(() -> {});
        }
        return method.hasSeveralKeys() ? acquireAll(method, locker, missing) : acquireOne(method, locker, keys);
    }

    private static RuntimeException reentryFailure(LockedMethod method, KeyedLocker<Object> locker, Object key) {
        String problem = method.place() + " is called by a chain that holds " + LockedMethod.described(locker, key)
                + " already, and the locker is not reentrant";
        return method.policy() == KeyedLock.Policy.BLOCK
                ? new LockReentryException(locker.name(), key, problem)
                : new LockRejectedException(locker.name(), key, locker.limit(), 0, method.place(), problem);
    }

    /** Returns the key of a call, or the list of its keys. */
    static Object keysOf(LockedMethod method, CallContext context) {
        return method.hasSeveralKeys() ? method.keysOf(context) : method.keyOf(context);
    }

    @SuppressWarnings("unchecked") // made by keysOf
    static List<Object> asList(Object keys) {
        return (List<Object>) keys;
    }

    /** Returns the failure of a completed acquisition, or null if it has a permit. */
    static @Nullable Throwable failureOf(CompletableFuture<Permit> done, LockedMethod method) {
        try {
            return done.join() == null ? method.nullResult() : null;
        } catch (CancellationException e) {
            return e;
        } catch (CompletionException e) {
            return e.getCause() == null ? e : e.getCause();
        }
    }

    /** Cancels an acquisition. Releases the permit if it was granted just before. */
    static void cancel(CompletableFuture<Permit> acquisition) {
        if (!acquisition.cancel(false) && !acquisition.isCompletedExceptionally()) {
            acquisition.join().close();
        }
    }

    /** Returns whether a failure means that the call is skipped. */
    static boolean isSkipped(LockedMethod method, Throwable failure) {
        return method.policy() == KeyedLock.Policy.SKIP && failure instanceof LockRejectedException;
    }

    /** Returns the failure of an acquisition with the details of the method. */
    static Throwable explained(LockedMethod method, KeyedLocker<Object> locker, Object keys, Throwable failure) {
        if (failure instanceof LockTimeoutException timeout) {
            return method.timedOut(locker, timeout, false);
        }
        if (failure instanceof LockRejectedException rejected) {
            return method.policy() == KeyedLock.Policy.REJECT
                    ? method.rejected(locker, keys, rejected.limit(), rejected.waiters())
                    : method.rejected(rejected);
        }
        return failure;
    }
}
