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
 * The permits that one call requests whose result is available later. No thread owns these permits and none blocks for
 * them; timeouts come from the timer that all lockers share.
 *
 * @param method the called method
 * @param locker the locker of the permits
 * @param keys the key, or the list of keys
 * @param outer the permit of the call that encloses this one, or null
 * @param previous the permit of the lock before this one on the same method, if it is to be released later; or null
 * @param retained the permits of outer calls that this call uses until it ends
 */
record PermitRequest(
        LockedMethod method,
        KeyedLocker<Object> locker,
        Object keys,
        @Nullable ChainPermit outer,
        @Nullable ChainPermit previous,
        List<ChainPermit> retained) {

    static PermitRequest of(
            LockedMethod method, CallContext context, @Nullable ChainPermit outer, @Nullable ChainPermit previous) {
        Object keys = method.keysOf(context);
        List<ChainPermit> retained = outer == null ? List.of() : new ArrayList<>();
        return new PermitRequest(method, method.locker().get(), keys, outer, previous, retained);
    }

    /**
     * Requests the permits that the chain of calls does not hold yet, and retains those that it holds. Throws exceptions
     * of the key's own code; the caller must then {@link #releaseRetained()}.
     */
    CompletableFuture<Permit> send() {
        if (outer == null) {
            return acquire(keys);
        }
        List<Object> missing = new ArrayList<>();
        for (Object key : method.hasSeveralKeys() ? asList(keys) : List.of(keys)) {
            ChainPermit held = ChainPermit.retain(outer, locker, key);
            if (held == null) {
                missing.add(key);
                continue;
            }
            retained.add(held);
            if (!locker.settings().reentrant()) {
                return CompletableFuture.failedFuture(reentryFailure(key));
            }
        }
        if (missing.isEmpty()) {
            return CompletableFuture.completedFuture(() -> {});
        }
        return acquire(method.hasSeveralKeys() ? missing : keys);
    }

    /** Requests permits with the attributes of the annotation. */
    private CompletableFuture<Permit> acquire(Object wanted) {
        boolean several = method.hasSeveralKeys();
        if (method.policy() != KeyedLock.Policy.BLOCK) {
            return method.requireResult(
                    several ? locker.tryAcquireAllAsync(asList(wanted)) : locker.tryAcquireAsync(wanted));
        }
        Duration waitTime = method.waitTime();
        if (several) {
            return method.requireResult(locker.acquireAllAsync(
                    asList(wanted),
                    waitTime == null ? method.requireResult(locker.settings()).waitTime() : waitTime));
        }
        return method.requireResult(
                waitTime == null ? locker.acquireAsync(wanted) : locker.acquireAsync(wanted, waitTime));
    }

    private RuntimeException reentryFailure(Object key) {
        String problem = method.place() + " is called by a chain that holds " + LockedMethod.described(locker, key)
                + " already, and the locker is not reentrant";
        return method.policy() == KeyedLock.Policy.BLOCK
                ? new LockReentryException(locker.name(), key, problem)
                : new LockRejectedException(locker.name(), key, locker.limit(), 0, method.place(), problem);
    }

    /** Returns whether a key is among those of the call. */
    boolean covers(Object key) {
        return method.hasSeveralKeys() ? asList(keys).contains(key) : keys.equals(key);
    }

    @SuppressWarnings("unchecked") // made by LockedMethod.keysOf
    static List<Object> asList(Object keys) {
        return (List<Object>) keys;
    }

    /** Returns the failure of a completed acquisition, or null if it has a permit. */
    @Nullable
    Throwable failureOf(CompletableFuture<Permit> done) {
        try {
            return done.join() == null ? method.nullResult() : null;
        } catch (CancellationException e) {
            return e;
        } catch (CompletionException e) {
            return e.getCause() == null ? e : e.getCause();
        }
    }

    /** Releases the retained permits of outer calls, for a call that has acquired nothing itself. */
    void releaseRetained() {
        retained.forEach(ChainPermit::release);
    }

    /** Cancels an acquisition. Releases the permit if it was granted just before. */
    static void cancel(CompletableFuture<Permit> acquisition) {
        if (!acquisition.cancel(false) && !acquisition.isCompletedExceptionally()) {
            acquisition.join().close();
        }
    }

    /** Returns whether a failure means that the call is skipped. */
    boolean isSkippedAfter(Throwable failure) {
        return method.policy() == KeyedLock.Policy.SKIP && failure instanceof LockRejectedException;
    }

    /** Returns the failure of the acquisition with the details of the method. */
    Throwable explained(Throwable failure) {
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
