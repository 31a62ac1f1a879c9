// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.LockInterruptedException;
import io.keyedlock.LockRejectedException;
import io.keyedlock.LockTimeoutException;
import io.keyedlock.Permit;
import io.keyedlock.annotation.KeyedLock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.scheduler.NonBlocking;

/**
 * The strategy for methods that are done when they return. The calling thread waits for the permit and owns it while
 * the method runs. It releases the permit on return, or leaves that to the transaction that was active at the time of
 * the acquisition.
 */
class PlainResultStrategy implements ResultStrategy {

    private static final Logger LOG = LoggerFactory.getLogger(PlainResultStrategy.class);

    /** Whether a wait on an event loop has been logged. May be written by several threads. */
    private volatile boolean warned;

    @Override
    public final @Nullable Object call(MethodInvocation invocation, LockedMethod method, CallContext context)
            throws Throwable {
        if (!method.applies(context)) {
            return NestedProxies.proceed(invocation);
        }
        Permit permit = acquire(method, context);
        if (permit == null) {
            return method.emptyResult();
        }
        TransactionHold hold = null;
        CurrentPermit current = null;
        try {
            current = CurrentPermit.enter(method, permit);
            hold = method.afterTransaction()
                    ? TransactionHold.keep(permit, current != null && current.failsIfLost())
                    : null;
            Object result = finish(NestedProxies.proceed(invocation), method);
            if (current != null) {
                CurrentPermit.throwIfLost(method, permit);
            }
            return result;
        } catch (Throwable e) {
            if (current != null) {
                CurrentPermit.outcome(method, permit, e);
            }
            throw e;
        } finally {
            CurrentPermit.exit(current);
            if (hold == null) {
                permit.close();
            } else if (!NextLock.wasReached(invocation)) {
                hold.release();
            }
        }
    }

    /** Processes the method's result while the permit is still held. */
    @Nullable
    Object finish(@Nullable Object result, LockedMethod method) throws Throwable {
        return result;
    }

    /** Acquires the permit, or returns null if the call is to be skipped. */
    private @Nullable Permit acquire(LockedMethod method, CallContext context) throws InterruptedException {
        Object keys = method.keysOf(context);
        KeyedLocker<Object> locker = method.locker().get();
        boolean several = method.hasSeveralKeys();
        if (method.policy() != KeyedLock.Policy.BLOCK) {
            return orReject(
                    several ? locker.tryAcquireAll(PermitRequest.asList(keys)) : locker.tryAcquire(keys),
                    method,
                    locker,
                    keys);
        }
        Duration waitTime = method.waitTime();
        warnOnEventLoop(method, waitTime);
        try {
            return method.requireResult(
                    several
                            ? acquireAll(locker, PermitRequest.asList(keys), waitTime)
                            : acquireOne(locker, keys, waitTime));
        } catch (LockTimeoutException e) {
            throw method.timedOut(locker, e, true);
        } catch (LockRejectedException e) {
            throw method.rejected(e);
        } catch (InterruptedException e) {
            throw interrupted(e, method, locker, keys);
        }
    }

    private static @Nullable Permit acquireOne(KeyedLocker<Object> locker, Object key, @Nullable Duration waitTime)
            throws InterruptedException {
        return waitTime == null ? locker.acquire(key) : locker.acquire(key, waitTime);
    }

    private static @Nullable Permit acquireAll(
            KeyedLocker<Object> locker, List<Object> keys, @Nullable Duration waitTime) throws InterruptedException {
        return waitTime == null ? locker.acquireAll(keys) : locker.acquireAll(keys, waitTime);
    }

    private void warnOnEventLoop(LockedMethod method, @Nullable Duration waitTime) {
        if (!warned && ResultStrategies.REACTOR && EventLoop.isCurrent() && (waitTime == null || !waitTime.isZero())) {
            warned = true;
            LOG.warn(
                    "@KeyedLock on {} waits for its key on the event loop '{}', which cannot process other events meanwhile."
                            + " Return a Mono or a CompletableFuture, or call the method on another thread. Logged once per"
                            + " method",
                    method.place(),
                    Thread.currentThread().getName());
        }
    }

    /** Requires Reactor. */
    private static final class EventLoop {

        static boolean isCurrent() {
            return Thread.currentThread() instanceof NonBlocking;
        }
    }

    private static @Nullable Permit orReject(
            Optional<Permit> acquired, LockedMethod method, KeyedLocker<Object> locker, Object key) {
        Optional<Permit> permit = method.requireResult(acquired);
        if (permit.isPresent() || method.policy() == KeyedLock.Policy.SKIP) {
            return permit.orElse(null);
        }
        throw method.rejected(locker, key);
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
