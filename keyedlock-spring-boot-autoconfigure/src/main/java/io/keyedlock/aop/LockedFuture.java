// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.interceptor.ExposeInvocationInterceptor;

/** What the caller of a method gets that returns a stage: complete when that stage is, and its permit given back. */
final class LockedFuture extends CompletableFuture<Object> {

    /*
     * WHO WINS, AND WHAT THE LOSER OWES
     * Grant against cancellation while waiting: the locker decides. If the grant wins, granted has the permit until the body
     * begins, perhaps much later: the executor may be busy. The granting thread stores it and then looks whether this future
     * is complete; whoever completes this future looks at granted afterwards. One of them sees the other, perhaps both,
     * and so may the body; who takes the permit out of there closes it, or runs.
     * Cancellation against the start of the body: the body publishes its stage and then looks whether it was cancelled;
     * the canceller cancels and then looks for the stage. One of them sees the other, perhaps both, and the stage is
     * cancelled.
     * Cancellation against the end of the stage: whichever completes this future first. The permit goes back when the
     * stage has completed, whoever wins; a stage that cannot be cancelled keeps it until then.
     */

    private final MethodInvocation invocation;

    private final LockedMethod method;

    /** The stage that the method returned. Written once by the thread that runs the body. */
    private volatile @Nullable CompletionStage<?> running;

    LockedFuture(MethodInvocation invocation, LockedMethod method) {
        this.invocation = invocation;
        this.method = method;
    }

    /** What depends on this is an ordinary future. */
    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
        return new CompletableFuture<>();
    }

    /** Runs the body elsewhere once there is a permit. The context of the current thread goes along. */
    void waitFor(
            CompletableFuture<Permit> acquisition,
            KeyedLocker<Object> locker,
            Object keys,
            Supplier<Executor> executor) {
        // The permit between its grant and the begin of the body.
        AtomicReference<@Nullable Permit> granted = new AtomicReference<>();
        CallerContext caller;
        try {
            caller = CallerContext.capture(null);
        } catch (RuntimeException | Error e) {
            AsyncPermits.withdraw(acquisition);
            completeExceptionally(e);
            return;
        }
        acquisition.whenComplete((permit, failure) -> {
            if (failure != null) {
                notAcquired(locker, keys, failure);
                return;
            }
            granted.set(permit);
            if (isDone()) {
                giveBack(granted);
                return;
            }
            try {
                // Never here: this is the thread of who gave the permit back, perhaps in the middle of its transaction.
                executor.get().execute(() -> begin(caller, granted));
            } catch (Throwable e) {
                giveBack(granted);
                completeExceptionally(e);
            }
        });
        // Whoever completes this first does not wait any more.
        whenComplete((value, failure) -> {
            acquisition.cancel(false);
            giveBack(granted);
        });
    }

    private void begin(CallerContext caller, AtomicReference<@Nullable Permit> granted) {
        try {
            caller.run(() -> {
                Permit permit = granted.getAndSet(null);
                if (permit != null) {
                    run(permit);
                }
            });
        } catch (RuntimeException | Error e) {
            // The caller's context cannot be brought here; or not be undone, after the body has begun.
            if (!giveBack(granted)) {
                throw e;
            }
            completeExceptionally(e);
        }
    }

    /** Gives back a permit with which no body has begun. */
    private static boolean giveBack(AtomicReference<@Nullable Permit> granted) {
        Permit permit = granted.getAndSet(null);
        if (permit == null) {
            return false;
        }
        permit.close();
        return true;
    }

    void notAcquired(KeyedLocker<Object> locker, Object keys, Throwable failure) {
        if (AsyncPermits.isSkipped(method, failure)) {
            finish(null, null);
        } else {
            completeExceptionally(AsyncPermits.explained(method, locker, keys, failure));
        }
    }

    /** Runs the body and keeps the permit until what it returns has completed. */
    void run(Permit permit) {
        if (isDone()) {
            permit.close();
            return;
        }
        CompletionStage<?> stage;
        try {
            // Aspects further inside ask for the call under way, which may be another one by now, or none.
            Object returned = ExposeInvocationInterceptor.INSTANCE.invoke(invocation);
            if (!(returned instanceof CompletionStage<?> some)) {
                throw new IllegalStateException("@KeyedLock on " + method.place()
                        + ": it returned null instead of a stage. Return a completed one");
            }
            stage = some;
            running = some;
            some.whenComplete((value, failure) -> {
                permit.close();
                finish(value, failure);
            });
        } catch (Throwable e) {
            permit.close();
            completeExceptionally(e);
            return;
        }
        if (isCancelled()) {
            cancel(stage);
        }
    }

    @SuppressWarnings("NullAway") // a stage may have null as its value
    private void finish(@Nullable Object value, @Nullable Throwable failure) {
        if (failure == null) {
            complete(value);
        } else {
            completeExceptionally(failure);
        }
    }

    /** Cancels the stage too, if the body has returned one, and before that the wait for the permit. */
    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        CompletionStage<?> seen = running;
        if (seen != null) {
            cancel(seen);
        }
        boolean cancelled = super.cancel(mayInterruptIfRunning);
        CompletionStage<?> begun = running;
        if (cancelled && seen == null && begun != null) {
            cancel(begun);
        }
        return cancelled;
    }

    private static void cancel(CompletionStage<?> stage) {
        try {
            stage.toCompletableFuture().cancel(true);
        } catch (UnsupportedOperationException e) {
            // A stage that nobody can cancel goes on to its end.
        }
    }
}
