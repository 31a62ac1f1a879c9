// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import kotlin.Unit;
import kotlin.coroutines.AbstractCoroutineContextElement;
import kotlin.coroutines.Continuation;
import kotlin.coroutines.CoroutineContext;
import kotlinx.coroutines.BuildersKt;
import kotlinx.coroutines.Job;
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
 * <p>So this goes along in the coroutine's context and is asked for each time a thread takes the coroutine up, the first
 * time before any code of it has run. That is how it learns the job whose end is waited for.
 *
 * <p>To be touched only where kotlinx-coroutines-reactor is there.
 */
final class CoroutineBody extends AbstractCoroutineContextElement implements ReactiveBody, ThreadContextElement<Unit> {

    private static final CoroutineContext.Key<CoroutineBody> KEY = new CoroutineContext.Key<>() {};

    /** What the collector of a flow runs in; null for a suspending function, whose caller's context is its own. */
    private final @Nullable CoroutineContext collecting;

    /** Unknown until the coroutine has got a thread; one that is cancelled before runs nothing. */
    private volatile @Nullable Job job;

    private CoroutineBody(@Nullable CoroutineContext collecting) {
        super(KEY);
        this.collecting = collecting;
    }

    static CoroutineBody ofFunction() {
        return new CoroutineBody(null);
    }

    static CoroutineBody ofFlow(CoroutineContext collecting) {
        return new CoroutineBody(collecting);
    }

    @Override
    public Publisher<Object> publisher(Object returned) {
        if (collecting != null) {
            return ReactiveResult.untyped(ReactorFlowKt.asFlux((Flow<?>) returned, collecting.plus(this)));
        }
        return returned instanceof Publisher<?> some ? ReactiveResult.untyped(some) : Mono.just(returned);
    }

    @Override
    public Object[] arguments(Object[] passed) {
        Object[] arguments = passed.clone();
        int last = arguments.length - 1;
        if (collecting == null && arguments[last] instanceof Continuation<?> caller) {
            arguments[last] = new Accompanied<>(caller, caller.getContext().plus(this));
        }
        return arguments;
    }

    @Override
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

    /** Suspends until the coroutine has ended, whether or not the caller is cancelled. */
    @Nullable
    Object awaitEnd(Continuation<? super Unit> caller) {
        Job running = job;
        return running == null
                ? Unit.INSTANCE
                : BuildersKt.withContext(NonCancellable.INSTANCE, (scope, own) -> running.join(own), caller);
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
