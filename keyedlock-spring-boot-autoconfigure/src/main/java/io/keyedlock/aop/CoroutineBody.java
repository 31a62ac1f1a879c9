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
 * A coroutine as a body. It runs behind a publisher, which forgets it when it is cancelled, while a coroutine that has been
 * cancelled still runs what it has in {@code finally}, or to its end if it never looks.
 *
 * <p>So this goes along in the coroutine's context and is asked each time a thread takes the coroutine up, the first time
 * before any code of it has run. That is how it learns the job whose end is waited for: the first job it sees, as later
 * ones are of coroutines that the body has begun. Where nothing is dispatched, that is within the subscription and after
 * the last look at whether it is cancelled; hence {@link #beginsInSubscribe()}.
 *
 * <p>To be touched only where kotlinx-coroutines-reactor is there.
 */
abstract class CoroutineBody extends AbstractCoroutineContextElement implements ThreadContextElement<Unit> {

    private static final CoroutineContext.Key<CoroutineBody> KEY = new CoroutineContext.Key<>() {};

    /** Unknown until the coroutine has got a thread; one that is cancelled before runs nothing. */
    private volatile @Nullable Job job;

    private CoroutineBody() {
        super(KEY);
    }

    /** Of {@link ReactiveBody}, as the next. */
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
        // The thread was left as it was.
    }

    /**
     * A suspending function, which runs in its caller's context. Advice further inside may try it again, and each try is a
     * coroutine of its own. It asks for a copy of this before it begins, which is how the latest is known. The jobs alone
     * cannot tell: a job that has failed counts as completed only after the next try may have begun.
     */
    static final class OfFunction extends CoroutineBody implements ReactiveBody, CopyableThreadContextElement<Unit> {

        /** Null before the first try. A try that has no job yet when the call is cancelled runs nothing. */
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
            if (current == null) {
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
                arguments[last] = new Accompanied<>(caller, caller.getContext().plus(this));
            }
            return arguments;
        }

        @Override
        public Publisher<Object> publisher(Object returned) {
            return returned instanceof Publisher<?> some ? ReactiveResultStrategy.untyped(some) : Mono.just(returned);
        }
    }

    /** One try of a suspending function. Coroutines that its body begins share it. */
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

    /** A flow, which runs in its collector's context, and whose collector waits until the key is free. */
    static final class OfFlow extends CoroutineBody implements ReactiveBody {

        private final CoroutineContext collecting;

        private final CompletableJob freed = JobKt.Job(null);

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
                freed.complete();
            });
        }

        /** From now on it is certain that {@link #whenEnded} has been called or will be. */
        void cancelled() {
            cancelled = true;
        }

        /** Suspends until what was cancelled has ended and the key is free, whether or not the caller is cancelled. */
        @Nullable
        Object awaitEnd(Continuation<? super Unit> caller) {
            return cancelled
                    ? BuildersKt.withContext(NonCancellable.INSTANCE, (scope, own) -> freed.join(own), caller)
                    : Unit.INSTANCE;
        }
    }

    /** The caller, with one element more in its context. */
    private record Accompanied<T>(Continuation<T> caller, CoroutineContext context) implements Continuation<T> {

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
