// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import kotlin.Unit;
import kotlin.coroutines.AbstractCoroutineContextElement;
import kotlin.coroutines.Continuation;
import kotlin.coroutines.CoroutineContext;
import kotlinx.coroutines.BuildersKt;
import kotlinx.coroutines.CompletableJob;
import kotlinx.coroutines.CopyableThreadContextElement;
import kotlinx.coroutines.Job;
import kotlinx.coroutines.JobKt;
import kotlinx.coroutines.NonCancellable;
import kotlinx.coroutines.ThreadContextElement;
import kotlinx.coroutines.flow.Flow;
import kotlinx.coroutines.reactor.ReactorFlowKt;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/**
 * A body that is a coroutine. It runs behind a publisher, which loses track of it when it is cancelled. A cancelled
 * coroutine still runs its {@code finally} blocks, or runs to its end if it never checks for cancellation.
 *
 * <p>To observe the end, this object is an element of the coroutine's context. It is called each time a thread resumes
 * the coroutine, the first time before any code of the coroutine has run, and so learns the job to wait for: the first
 * job that it sees, as later ones belong to coroutines that the body has started. Without a dispatcher, that happens
 * during the subscription and after the last check for cancellation; hence {@link #beginsInSubscribe()}.
 *
 * <p>Requires kotlinx-coroutines-reactor.
 */
abstract class CoroutineBody extends AbstractCoroutineContextElement implements ThreadContextElement<Unit> {

    private static final CoroutineContext.Key<CoroutineBody> KEY = new CoroutineContext.Key<>() {};

    /** Null until a thread has run the coroutine. A coroutine that is cancelled before that runs nothing. */
    private volatile @Nullable Job job;

    private CoroutineBody() {
        super(KEY);
    }

    /** Implements {@link ReactiveBody}, like the next method. */
    public boolean beginsInSubscribe() {
        return true;
    }

    public void whenEnded(Runnable action) {
        Job running = job;
        if (running == null) {
            action.run();
        } else {
            running.invokeOnCompletion(failure -> {
                action.run();
                return Unit.INSTANCE;
            });
        }
    }

    @Override
    public Unit updateThreadContext(CoroutineContext context) {
        if (job == null) {
            job = context.get(Job.Key);
        }
        return Unit.INSTANCE;
    }

    @Override
    public void restoreThreadContext(CoroutineContext context, Unit before) {
        // Nothing was changed on the thread.
    }

    /**
     * A suspending function, which runs in its caller's context. Inner advice may retry it, and each try is a new
     * coroutine. A try requests a copy of this element before it begins, which identifies the latest try. The jobs
     * alone do not: a failed job may count as completed only after the next try has begun.
     */
    static final class OfFunction extends CoroutineBody implements ReactiveBody, CopyableThreadContextElement<Unit> {

        /** The body of an outer lock of the same call, which observes the coroutine for this one too; or null. */
        private volatile @Nullable OfFunction outer;

        /** Null before the first try. A try without a job when the call is cancelled runs nothing. */
        private volatile @Nullable Try latest;

        @Override
        public CopyableThreadContextElement<Unit> copyForChild() {
            Try next = new Try();
            latest = next;
            return next;
        }

        @Override
        public CoroutineContext mergeForChild(CoroutineContext.Element overwriting) {
            return overwriting;
        }

        @Override
        public void whenEnded(Runnable action) {
            Try current = latest;
            OfFunction observer = outer;
            if (observer != null) {
                observer.whenEnded(action);
            } else if (current == null) {
                super.whenEnded(action);
            } else {
                current.whenEnded(action);
            }
        }

        @Override
        public Object[] arguments(Object[] passed) {
            Object[] arguments = passed.clone();
            int last = arguments.length - 1;
            if (arguments[last] instanceof Continuation<?> caller) {
                // Inside a coroutine this would be a Try. So no coroutine has begun since the outer lock was acquired.
                outer = caller.getContext().get(KEY) instanceof OfFunction same ? same : null;
            }
            if (outer == null && arguments[last] instanceof Continuation<?> caller) {
                arguments[last] =
                        new ContextContinuation<>(caller, caller.getContext().plus(this));
            }
            return arguments;
        }

        @Override
        public Publisher<Object> publisher(Object returned) {
            return returned instanceof Publisher<?> some ? ReactiveResultStrategy.untyped(some) : Mono.just(returned);
        }
    }

    /** One try of a suspending function. Coroutines that its body starts share it. */
    private static final class Try extends CoroutineBody implements CopyableThreadContextElement<Unit> {

        @Override
        public CopyableThreadContextElement<Unit> copyForChild() {
            return this;
        }

        @Override
        public CoroutineContext mergeForChild(CoroutineContext.Element overwriting) {
            return overwriting instanceof OfFunction nested ? nested.copyForChild() : overwriting;
        }
    }

    /** A flow, which runs in its collector's context. The collector waits until the key is released. */
    static final class OfFlow extends CoroutineBody implements ReactiveBody {

        private final CoroutineContext collecting;

        private final CompletableJob keyReleased = JobKt.Job(null);

        private volatile boolean cancelled;

        OfFlow(CoroutineContext collecting) {
            this.collecting = collecting;
        }

        @Override
        public Publisher<Object> publisher(Object returned) {
            return ReactiveResultStrategy.untyped(ReactorFlowKt.asFlux((Flow<?>) returned, collecting.plus(this)));
        }

        @Override
        public void whenEnded(Runnable action) {
            super.whenEnded(() -> {
                action.run();
                keyReleased.complete();
            });
        }

        /** Marks the collection as cancelled. From this point on {@link #whenEnded} has been or will be called. */
        void cancelled() {
            cancelled = true;
        }

        /**
         * Suspends until the cancelled flow has ended and the key is released, whether or not the caller is cancelled.
         */
        @Nullable
        Object awaitEnd(Continuation<? super Unit> caller) {
            return cancelled
                    ? BuildersKt.withContext(NonCancellable.INSTANCE, (scope, own) -> keyReleased.join(own), caller)
                    : Unit.INSTANCE;
        }
    }

    /** A continuation that adds an element to the context of the caller. */
    private record ContextContinuation<T>(Continuation<T> caller, CoroutineContext context) implements Continuation<T> {

        @Override
        public CoroutineContext getContext() {
            return context;
        }

        @Override
        public void resumeWith(Object result) {
            caller.resumeWith(result);
        }
    }
}
