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
 * Asks for the permits of calls whose result comes later. No thread owns them, and nobody waits for them by blocking: the
 * locker's one timer, shared by all of them, ends the waits that have an end.
 */
final class AsyncPermits {

    private AsyncPermits() {}

    /** Asks for the permit of one key as the annotation says. Throws what the key's own code throws. */
    static CompletableFuture<Permit> ofOne(LockedMethod method, KeyedLocker<Object> locker, Object key) {
        if (method.policy() != KeyedLock.Policy.BLOCK) {
            return method.given(locker.tryAcquireAsync(key));
        }
        Duration waitTime = method.waitTime();
        return method.given(waitTime == null ? locker.acquireAsync(key) : locker.acquireAsync(key, waitTime));
    }

    /** Asks for the permits of several keys. */
    static CompletableFuture<Permit> ofAll(LockedMethod method, KeyedLocker<Object> locker, List<Object> keys) {
        if (method.policy() != KeyedLock.Policy.BLOCK) {
            return method.given(locker.tryAcquireAllAsync(keys));
        }
        Duration waitTime = method.waitTime();
        return method.given(locker.acquireAllAsync(
                keys, waitTime == null ? method.given(locker.settings()).waitTime() : waitTime));
    }

    /** The permit or permits of a call that no other call of its chain has anything of. */
    static CompletableFuture<Permit> of(LockedMethod method, KeyedLocker<Object> locker, Object keys) {
        return method.hasSeveralKeys() ? ofAll(method, locker, several(keys)) : ofOne(method, locker, keys);
    }

    /** Asks for what a chain of calls does not hold yet; what it does hold is used again. */
    static CompletableFuture<Permit> inside(
            LockedMethod method,
            KeyedLocker<Object> locker,
            Object keys,
            ChainPermits outer,
            List<ChainPermits> entered) {
        List<Object> wanted = method.hasSeveralKeys() ? several(keys) : List.of(keys);
        List<Object> missing = new ArrayList<>();
        for (Object key : wanted) {
            ChainPermits mine = ChainPermits.enter(outer, locker, key);
            if (mine == null) {
                missing.add(key);
                continue;
            }
            entered.add(mine);
            if (!locker.settings().reentrant()) {
                return CompletableFuture.failedFuture(reentry(method, locker, key));
            }
        }
        if (missing.isEmpty()) {
            return CompletableFuture.completedFuture(() -> {});
        }
        return method.hasSeveralKeys() ? ofAll(method, locker, missing) : ofOne(method, locker, keys);
    }

    private static RuntimeException reentry(LockedMethod method, KeyedLocker<Object> locker, Object key) {
        String problem = method.place() + " is called by a chain that holds " + LockedMethod.described(locker, key)
                + " already, and the locker is not reentrant";
        return method.policy() == KeyedLock.Policy.BLOCK
                ? new LockReentryException(locker.name(), key, problem)
                : new LockRejectedException(locker.name(), key, problem);
    }

    /** The key of a call, or the list of its keys. */
    static Object keysOf(LockedMethod method, CallContext context) {
        return method.hasSeveralKeys() ? method.keysOf(context) : method.keyOf(context);
    }

    @SuppressWarnings("unchecked") // made by keysOf
    static List<Object> several(Object keys) {
        return (List<Object>) keys;
    }

    /** Why a complete acquisition got nothing; null if it has a permit. */
    static @Nullable Throwable failureOf(CompletableFuture<Permit> done, LockedMethod method) {
        try {
            return done.join() == null ? method.gaveNothing() : null;
        } catch (CancellationException e) {
            return e;
        } catch (CompletionException e) {
            return e.getCause() == null ? e : e.getCause();
        }
    }

    /** Gives up a wait; a permit that was granted just before goes back. */
    static void cancel(CompletableFuture<Permit> acquisition) {
        if (!acquisition.cancel(false) && !acquisition.isCompletedExceptionally()) {
            acquisition.join().close();
        }
    }

    /** Whether a call is to be left out, as it was told not to wait. */
    static boolean isSkipped(LockedMethod method, Throwable failure) {
        return method.policy() == KeyedLock.Policy.SKIP && failure instanceof LockRejectedException;
    }

    /** A failed acquisition in the words of the method. */
    static Throwable explained(LockedMethod method, KeyedLocker<Object> locker, Object keys, Throwable failure) {
        if (failure instanceof LockTimeoutException timeout) {
            return method.timedOut(locker, timeout, false);
        }
        return method.policy() == KeyedLock.Policy.REJECT && failure instanceof LockRejectedException
                ? method.refused(locker, keys)
                : failure;
    }
}
