// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.Permit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLongFieldUpdater;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.Exceptions;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;
import reactor.core.scheduler.Schedulers;
import reactor.util.context.Context;

/**
 * One subscription to a locked call. First waits for the permit, then subscribes to the publisher that the method
 * returned and forwards signals and demand.
 */
final class LockedSubscriber implements CoreSubscriber<Object>, Subscription {

    /*
     * PHASES
     * start     Passes this subscription downstream at once, so that downstream can cancel a wait. Stores the demand
     *           until there is a source.
     * acquire   With a free permit, the body runs on the current thread. Otherwise it runs on another thread, once the
     *           acquisition has completed.
     * run       Calls the method and subscribes to its publisher, with the permit in the context.
     * end       Releases the permit before completion or error are signalled downstream, so that the next operation
     *           finds the key free. The value of a Mono is delayed as well, as many operators treat it as the end.
     *
     * RACES
     * Cancellation against the grant: cancel() marks the source as cancelled and then checks `acquisition` and `held`;
     * the other side stores these and then checks the mark. At least one of them sees the other, and both may try to
     * release: whichever removes the permit from `held` does. The granting thread stores `held` itself, before the other
     * thread has started the body.
     * Cancellation against the call: a method that has not returned its publisher yet, and a coroutine that has not
     * ended, keep the key although the result is no longer needed. run() writes `running` and then checks the mark;
     * cancel() sets the mark and then checks `running`. So either the method is not called at all, or cancel() leaves
     * the key to run(), which checks the mark again at its end. After a cancellation at least one of them, perhaps both,
     * has registered for the end of the body.
     * Cancellation against the end: whichever removes the permit from `held` releases it. Signals of the source that
     * arrive after a cancellation are forwarded, as in other operators.
     * An inner call against the end of the outer one: see ChainPermit.
     */

    private static final AtomicReferenceFieldUpdater<LockedSubscriber, Subscription> SOURCE =
            AtomicReferenceFieldUpdater.newUpdater(LockedSubscriber.class, Subscription.class, "source");

    private static final AtomicLongFieldUpdater<LockedSubscriber> REQUESTED =
            AtomicLongFieldUpdater.newUpdater(LockedSubscriber.class, "requested");

    private static final AtomicReferenceFieldUpdater<LockedSubscriber, ChainPermit> HELD =
            AtomicReferenceFieldUpdater.newUpdater(LockedSubscriber.class, ChainPermit.class, "held");

    private final CoreSubscriber<? super Object> actual;

    private final ReactiveCall call;

    private final ReactiveBody body;

    /** Whether the source has at most one value. */
    private final boolean single;

    /** The context of {@link #actual}; contains {@link #held} once that is set. */
    private Context context;

    /**
     * The subscription to the method's publisher, null before that. After a cancellation, the cancelled subscription of
     * {@link Operators}.
     */
    private volatile @Nullable Subscription source;

    /** The demand that has not been forwarded to the source yet. */
    private volatile long requested;

    /** The pending acquisition. Written by the subscribing thread if the call has to wait. */
    private volatile @Nullable CompletableFuture<Permit> acquisition;

    /** The permit. Written before the method is called. Whichever thread sets it back to null releases the permit. */
    private volatile @Nullable ChainPermit held;

    /** Whether {@link #held} has ever been written. */
    private volatile boolean acquired;

    /** Whether a method call is in progress whose completion the body does not signal. */
    private volatile boolean running;

    /** Whether the resuming thread has set the caller's context and entered the rest of the call. */
    private boolean resumed;

    /** The value of a Mono until it completes. This field and the next are used by signals of the source only. */
    private @Nullable Object value;

    private boolean done;

    LockedSubscriber(CoreSubscriber<? super Object> actual, ReactiveCall call, boolean single) {
        this.actual = actual;
        this.call = call;
        this.body = call.bodies().get();
        this.single = single;
        this.context = actual.currentContext();
    }

    void start() {
        actual.onSubscribe(this);
        if (isCancelled()) {
            return;
        }
        LockedMethod method = call.method();
        try {
            if (method.applies(call.context())) {
                acquire(PermitRequest.of(
                        method,
                        call.context(),
                        context.getOrDefault(ChainPermit.class, null),
                        NextLock.previous(call.invocation())));
                return;
            }
        } catch (Throwable e) {
            // The condition or the key failed, the key's own code has thrown, there is no locker, or no memory.
            release();
            Exceptions.throwIfFatal(e);
            onError(e);
            return;
        }
        run();
    }

    // ---- acquiring

    private void acquire(PermitRequest request) {
        CompletableFuture<Permit> pending = send(request);
        if (pending.isDone()) {
            Throwable failure = request.failureOf(pending);
            if (failure == null) {
                hold(request, pending.join());
                run();
            } else {
                request.releaseRetained();
                notAcquired(request, failure);
            }
            return;
        }
        CallerContext caller;
        try {
            caller = CallerContext.capture(context);
        } catch (Throwable e) {
            PermitRequest.cancel(pending);
            request.releaseRetained();
            throw e;
        }
        acquisition = pending;
        // A body that may block on the subscribing thread may also block on the thread where it is resumed.
        boolean mayBlock = !Schedulers.isInNonBlockingThread();
        pending.whenComplete((permit, failed) -> {
            Throwable failure = request.failureOf(pending);
            if (failure == null) {
                // On this thread, as the other thread may start late and a cancellation in between must release the
                // key.
                try {
                    hold(request, permit);
                } catch (Throwable e) {
                    // No memory. Nobody else sees it.
                    release();
                    onError(e);
                    return;
                }
            } else {
                request.releaseRetained();
            }
            if (isCancelled()) {
                release();
                return;
            }
            Runnable rest = failure == null ? this::run : () -> notAcquired(request, failure);
            try {
                // Never on this thread: it has released the permit, or is a timer.
                Runnable resumption = () -> resume(caller, rest);
                if (mayBlock) {
                    call.executor().get().execute(resumption);
                } else {
                    Schedulers.parallel().schedule(resumption);
                }
            } catch (Throwable e) {
                release();
                onError(e);
            }
        });
        if (isCancelled()) {
            cancelWait(pending);
        }
    }

    /**
     * Requests the permit with the subscriber's context on this thread, as listeners that are notified of a wait look
     * for it there.
     */
    @SuppressWarnings("try") // the scope is there while it is open
    private CompletableFuture<Permit> send(PermitRequest request) {
        CompletableFuture<Permit> pending = null;
        try (CallerContext.Scope scope = CallerContext.enter(context)) {
            pending = request.send();
            return pending;
        } catch (Throwable e) {
            // Nothing was requested, or the thread's own context could not be restored.
            if (pending != null) {
                PermitRequest.cancel(pending);
            }
            request.releaseRetained();
            throw e;
        }
    }

    /** Resumes the call in the context of the subscriber. */
    private void resume(CallerContext caller, Runnable rest) {
        try {
            caller.run(() -> {
                resumed = true;
                rest.run();
            });
        } catch (Throwable e) {
            // The context could not be set, or could not be reset after the call has resumed.
            if (resumed) {
                throw e;
            }
            release();
            onError(e);
        }
    }

    /**
     * Cancels a wait, or releases a permit that was granted in the meantime. Called only after a cancellation:
     * then either the permit is stored in {@link #held} and is released from there, or the granting thread will see the
     * cancellation and run nothing.
     */
    private void cancelWait(CompletableFuture<Permit> waiting) {
        if (!acquired) {
            PermitRequest.cancel(waiting);
        }
    }

    /** Records the acquired permit together with those already held by this reactive chain. */
    private void hold(PermitRequest request, Permit own) {
        ChainPermit mine = ChainPermit.of(request, own);
        held = mine;
        acquired = true;
        context = context.put(ChainPermit.class, mine);
    }

    private void notAcquired(PermitRequest request, Throwable failure) {
        if (isCancelled()) {
            return;
        }
        if (request.isSkippedAfter(failure)) {
            onComplete();
        } else {
            onError(request.explained(failure));
        }
    }

    private void run() {
        running = true;
        try {
            if (!isCancelled()) {
                Publisher<Object> publisher = call.proceed(body, held);
                running = body.beginsInSubscribe();
                ChainPermit chain = context.getOrDefault(ChainPermit.class, null);
                if (chain == null) {
                    subscribe(publisher);
                } else {
                    chain.subscribe(() -> subscribe(publisher));
                }
            }
        } catch (Throwable e) {
            release();
            Exceptions.throwIfFatal(e);
            onError(e);
        } finally {
            running = false;
            if (isCancelled()) {
                body.whenEnded(this::release);
            }
        }
    }

    private void subscribe(Publisher<Object> publisher) {
        CoreSubscriber<Object> me = this;
        if (single) {
            Mono.fromDirect(publisher).subscribe(me);
        } else {
            Flux.from(publisher).subscribe(me);
        }
    }

    /** Returns the error with which this must end; see {@link CurrentPermit#outcome}. */
    private @Nullable Throwable outcome(@Nullable Throwable failure) {
        ChainPermit mine = held;
        return mine == null ? failure : CurrentPermit.outcome(call.method(), mine.permit(), failure);
    }

    /** Releases the held permit, at most once. */
    private void release() {
        ChainPermit mine = held == null ? null : HELD.getAndSet(this, null);
        if (mine != null) {
            mine.release();
        }
    }

    // ---- signals from downstream

    @Override
    public void request(long n) {
        Subscription upstream = source;
        if (upstream != null) {
            upstream.request(n);
        } else if (Operators.validate(n)) {
            // `request` and `onSubscribe` race; the second to arrive forwards the demand.
            Operators.addCap(REQUESTED, this, n);
            upstream = source;
            if (upstream != null) {
                forwardDemand(upstream);
            }
        }
    }

    private void forwardDemand(Subscription subscription) {
        long demand = requested == 0 ? 0 : REQUESTED.getAndSet(this, 0);
        if (demand != 0) {
            subscription.request(demand);
        }
    }

    private boolean isCancelled() {
        return source == Operators.cancelledSubscription();
    }

    @Override
    public void cancel() {
        Subscription upstream = SOURCE.getAndSet(this, Operators.cancelledSubscription());
        if (upstream != null) {
            upstream.cancel();
        }
        CompletableFuture<Permit> waiting = acquisition;
        if (waiting != null) {
            cancelWait(waiting);
        }
        if (!running) {
            body.whenEnded(this::release);
        }
    }

    // ---- signals from the source

    @Override
    public Context currentContext() {
        return context;
    }

    @Override
    public void onSubscribe(Subscription subscription) {
        if (SOURCE.compareAndSet(this, null, subscription)) {
            forwardDemand(subscription);
        } else {
            // Cancelled in the meantime, or a second subscription, which violates the specification.
            subscription.cancel();
        }
    }

    @Override
    public void onNext(Object next) {
        if (done) {
            Operators.onNextDropped(next, context);
        } else if (single) {
            value = next;
        } else {
            actual.onNext(next);
        }
    }

    @Override
    public void onError(Throwable failure) {
        if (done) {
            Operators.onErrorDropped(failure, context);
            return;
        }
        done = true;
        Operators.onDiscard(value, context);
        value = null;
        Throwable outcome = outcome(failure);
        release();
        actual.onError(outcome == null ? failure : outcome);
    }

    @Override
    public void onComplete() {
        if (done) {
            return;
        }
        done = true;
        Object last = value;
        value = null;
        Throwable lost = outcome(null);
        release();
        if (lost != null) {
            Operators.onDiscard(last, context);
            actual.onError(lost);
            return;
        }
        if (last != null) {
            if (isCancelled()) {
                Operators.onDiscard(last, context);
                return;
            }
            actual.onNext(last);
        }
        actual.onComplete();
    }
}
