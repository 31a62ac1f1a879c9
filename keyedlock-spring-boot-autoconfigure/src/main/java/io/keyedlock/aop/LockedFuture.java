// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.Permit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/**
 * The future returned to the caller of a stage method. Completes after the method's stage has completed and the permit
 * has been released.
 */
final class LockedFuture extends CompletableFuture<Object> {

    /*
     * RACES
     * Grant against cancellation while waiting: the locker decides. If the grant wins, `granted` holds the permit until
     * the body begins, which may take long if the executor is busy. The granting thread stores the permit and then
     * checks whether this future is complete; the completing thread completes this future and then checks `granted`. So
     * at least one of them sees the other, and the body may see both. Whichever removes the permit from `granted`
     * releases it or runs the body.
     * Cancellation against the start of the body: the body publishes its stage and then checks for cancellation; the
     * cancelling thread cancels and then checks for the stage. At least one of them sees the other, perhaps both, and
     * the stage is cancelled.
     * Cancellation against the end of the stage: the first one to complete this future decides the outcome. In both
     * cases the permit is released when the stage has completed; a stage that cannot be cancelled keeps it until then.
     */

    private final MethodInvocation invocation;

    private final LockedMethod method;

    /**
     * Completes when this call holds nothing any more, which may be later than this future if it was cancelled. A call with
     * another lock around this one keeps its own permit until then.
     */
    private final CompletableFuture<Void> released = new CompletableFuture<>();

    /** The stage that the method returned. Written once, by the thread that runs the body. */
    private volatile @Nullable CompletionStage<?> running;

    LockedFuture(MethodInvocation invocation, LockedMethod method) {
        this.invocation = invocation;
        this.method = method;
    }

    /** Returns an ordinary future, as dependents of this future have no lock. */
    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
        return new CompletableFuture<>();
    }

    /** Runs the body on the executor once there is a permit, in the context of the current thread. */
    void runWhenAcquired(CompletableFuture<Permit> acquisition, PermitRequest request, Supplier<Executor> executor) {
        // The permit between the grant and the start of the body.
        AtomicReference<@Nullable ChainPermit> granted = new AtomicReference<>();
        CallerContext caller;
        try {
            caller = CallerContext.capture(null);
        } catch (RuntimeException | Error e) {
            PermitRequest.cancel(acquisition);
            request.releaseRetained();
            completeExceptionally(e);
            released.complete(null);
            return;
        }
        acquisition.whenComplete((permit, failure) -> {
            if (failure != null || permit == null) {
                notAcquired(request, failure == null ? method.nullResult() : failure);
                return;
            }
            try {
                granted.set(ChainPermit.of(request, permit));
            } catch (Throwable e) {
                // No memory. Nobody else sees it.
                completeExceptionally(e);
                released.complete(null);
                return;
            }
            if (isDone()) {
                releaseGranted(granted);
                return;
            }
            try {
                // Never on this thread: it has released the permit, perhaps in the middle of a transaction.
                executor.get().execute(() -> begin(caller, granted));
            } catch (Throwable e) {
                releaseGranted(granted);
                completeExceptionally(e);
            }
        });
        // Completing this future ends the wait.
        whenComplete((value, failure) -> {
            acquisition.cancel(false);
            releaseGranted(granted);
        });
    }

    private void begin(CallerContext caller, AtomicReference<@Nullable ChainPermit> granted) {
        try {
            caller.run(() -> {
                ChainPermit held = granted.getAndSet(null);
                if (held != null) {
                    run(held);
                }
            });
        } catch (RuntimeException | Error e) {
            // The caller's context could not be set, or could not be reset after the body has started.
            if (!releaseGranted(granted)) {
                throw e;
            }
            completeExceptionally(e);
        }
    }

    /** Releases the permit if the body has not started. Returns whether it did. */
    private boolean releaseGranted(AtomicReference<@Nullable ChainPermit> granted) {
        ChainPermit held = granted.getAndSet(null);
        if (held == null) {
            return false;
        }
        release(held);
        return true;
    }

    private void release(ChainPermit held) {
        try {
            held.release();
        } finally {
            released.complete(null);
        }
    }

    void notAcquired(PermitRequest request, Throwable failure) {
        request.releaseRetained();
        if (request.isSkippedAfter(failure)) {
            finish(null, null);
        } else {
            completeExceptionally(request.explained(failure));
        }
        released.complete(null);
    }

    /** Runs the body and releases the permit when the stage that it returns has completed. */
    void run(ChainPermit held) {
        if (isDone()) {
            release(held);
            return;
        }
        CompletionStage<?> stage;
        CurrentPermit current = null;
        try {
            current = CurrentPermit.enter(method, held.permit());
            Object returned = held.run(invocation);
            if (!(returned instanceof CompletionStage<?> some)) {
                throw new IllegalStateException("@KeyedLock on " + method.place()
                        + ": it returned null instead of a stage. Return a completed one");
            }
            stage = some;
            running = some;
            if (some instanceof LockedFuture inner) {
                inner.released.whenComplete((nothing, none) -> releaseWhenComplete(held, inner));
            } else {
                releaseWhenComplete(held, some);
            }
        } catch (Throwable e) {
            release(held);
            completeExceptionally(e);
            return;
        } finally {
            CurrentPermit.exit(current);
        }
        if (isCancelled()) {
            cancel(stage);
        }
    }

    private void releaseWhenComplete(ChainPermit held, CompletionStage<?> stage) {
        stage.whenComplete((value, failure) -> {
            Throwable outcome;
            try {
                outcome = CurrentPermit.outcome(method, held.permit(), failure);
            } finally {
                release(held);
            }
            finish(value, outcome);
        });
    }

    @SuppressWarnings("NullAway") // a stage may have null as its value
    private void finish(@Nullable Object value, @Nullable Throwable failure) {
        if (failure == null) {
            complete(value);
        } else {
            completeExceptionally(failure);
        }
    }

    /** Cancels the wait for the permit, and the stage if the body has returned one. */
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
            // A stage that cannot be cancelled continues to its end.
        }
    }
}
