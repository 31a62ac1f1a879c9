// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.Permit;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

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
    void waitFor(CompletableFuture<Permit> acquisition, Wanted wanted, Supplier<Executor> executor) {
        // What is held between the grant and the begin of the body.
        AtomicReference<@Nullable ChainPermits> granted = new AtomicReference<>();
        CallerContext caller;
        try {
            caller = CallerContext.capture(null);
        } catch (RuntimeException | Error e) {
            AsyncPermits.cancel(acquisition);
            wanted.leave();
            completeExceptionally(e);
            return;
        }
        acquisition.whenComplete((permit, failure) -> {
            if (failure != null || permit == null) {
                notAcquired(wanted, failure == null ? method.gaveNothing() : failure);
                return;
            }
            granted.set(wanted.hold(permit));
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

    private void begin(CallerContext caller, AtomicReference<@Nullable ChainPermits> granted) {
        try {
            caller.run(() -> {
                ChainPermits held = granted.getAndSet(null);
                if (held != null) {
                    run(held);
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
    private static boolean giveBack(AtomicReference<@Nullable ChainPermits> granted) {
        ChainPermits held = granted.getAndSet(null);
        if (held == null) {
            return false;
        }
        held.leave();
        return true;
    }

    void notAcquired(Wanted wanted, Throwable failure) {
        wanted.leave();
        if (AsyncPermits.isSkipped(method, failure)) {
            finish(null, null);
        } else {
            completeExceptionally(AsyncPermits.explained(method, wanted.locker(), wanted.keys(), failure));
        }
    }

    /** Runs the body and keeps what is held until what it returns has completed. */
    void run(ChainPermits held) {
        if (isDone()) {
            held.leave();
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
            some.whenComplete((value, failure) -> {
                Throwable outcome;
                try {
                    outcome = CurrentPermit.outcome(method, held.permit(), failure);
                } finally {
                    held.leave();
                }
                finish(value, outcome);
            });
        } catch (Throwable e) {
            held.leave();
            completeExceptionally(e);
            return;
        } finally {
            CurrentPermit.exit(current);
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

    /**
     * What a call asks for.
     *
     * @param method the called method
     * @param locker whose permits are wanted
     * @param keys the key, or the list of keys
     * @param outer what the body holds that has made the call
     * @param entered what of that the call uses, until it ends
     */
    record Wanted(
            LockedMethod method,
            KeyedLocker<Object> locker,
            Object keys,
            @Nullable ChainPermits outer,
            List<ChainPermits> entered) {

        ChainPermits hold(Permit permit) {
            return ChainPermits.of(locker, keys, method, permit, outer, entered);
        }

        /** Ends the use of what the outer body holds, where nothing has been acquired in addition. */
        void leave() {
            entered.forEach(ChainPermits::leave);
        }
    }
}
