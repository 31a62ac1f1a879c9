// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.LockInterruptedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/**
 * For methods that are done when they return. The calling thread waits for the permit, owns it while the method runs, and
 * gives it back on return, or leaves that to the transaction that was active when it took it.
 */
class PlainResult implements ResultStrategy {

    @Override
    public final @Nullable Object call(MethodInvocation invocation, LockedMethod method, CallContext context)
            throws Throwable {
        if (!method.applies(context)) {
            return invocation.proceed();
        }
        Permit permit = take(method, context);
        if (permit == null) {
            return method.emptyResult();
        }
        boolean kept = false;
        try {
            kept = method.afterTransaction() && TransactionHold.keep(permit);
            return finish(invocation.proceed(), method);
        } finally {
            if (!kept) {
                permit.close();
            }
        }
    }

    /** Looks at what the method returned while the permit is still held. */
    @Nullable
    Object finish(@Nullable Object result, LockedMethod method) throws Throwable {
        return result;
    }

    /** Takes the permit, or returns null if the call is to be skipped. */
    private static @Nullable Permit take(LockedMethod method, CallContext context) throws InterruptedException {
        if (method.hasSeveralKeys()) {
            List<Object> keys = method.keysOf(context);
            KeyedLocker<Object> locker = method.locker().get();
            if (method.policy() != KeyedLock.Policy.BLOCK) {
                return orRefuse(locker.tryAcquireAll(keys), method, locker, keys);
            }
            Duration waitTime = method.waitTime();
            try {
                return waitTime == null ? locker.acquireAll(keys) : locker.acquireAll(keys, waitTime);
            } catch (LockTimeoutException e) {
                throw method.timedOut(locker, e, true);
            } catch (InterruptedException e) {
                throw interrupted(e, method, locker, keys);
            }
        }
        Object key = method.keyOf(context);
        KeyedLocker<Object> locker = method.locker().get();
        if (method.policy() != KeyedLock.Policy.BLOCK) {
            return orRefuse(locker.tryAcquire(key), method, locker, key);
        }
        Duration waitTime = method.waitTime();
        try {
            return waitTime == null ? locker.acquire(key) : locker.acquire(key, waitTime);
        } catch (LockTimeoutException e) {
            throw method.timedOut(locker, e, true);
        } catch (InterruptedException e) {
            throw interrupted(e, method, locker, key);
        }
    }

    private static @Nullable Permit orRefuse(
            Optional<Permit> permit, LockedMethod method, KeyedLocker<Object> locker, Object key) {
        if (permit.isPresent() || method.policy() == KeyedLock.Policy.SKIP) {
            return permit.orElse(null);
        }
        throw method.refused(locker, key);
    }

    private static RuntimeException interrupted(
            InterruptedException e, LockedMethod method, KeyedLocker<Object> locker, Object key)
            throws InterruptedException {
        if (method.throwsInterrupted()) {
            throw e;
        }
        Thread.currentThread().interrupt();
        return new LockInterruptedException(
                locker.name(),
                key,
                "Interrupted before " + method.place() + " got a permit of " + LockedMethod.described(locker, key),
                e);
    }
}
