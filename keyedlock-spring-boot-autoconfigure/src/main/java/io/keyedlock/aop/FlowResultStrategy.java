// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.concurrent.Executor;
import java.util.function.Supplier;
import kotlin.Unit;
import kotlin.coroutines.Continuation;
import kotlinx.coroutines.Job;
import kotlinx.coroutines.channels.BufferOverflow;
import kotlinx.coroutines.flow.Flow;
import kotlinx.coroutines.flow.FlowCollector;
import kotlinx.coroutines.flow.FlowKt;
import kotlinx.coroutines.reactive.ReactiveFlowKt;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;

/**
 * The strategy for Kotlin functions that return a {@code Flow} and do not suspend. Each collection is a separate
 * call.
 *
 * <p>Requires kotlinx-coroutines-reactor.
 */
final class FlowResultStrategy implements ResultStrategy {

    private final Supplier<Executor> executor;

    FlowResultStrategy(Supplier<Executor> executor) {
        this.executor = executor;
    }

    @Override
    public Object call(MethodInvocation invocation, LockedMethod method, CallContext context) {
        return new LockedFlow(invocation, method, context, executor);
    }

    /**
     * A flow that is locked through a {@code Flux}. The flow of the method runs in the context of its collector,
     * produces no value ahead of demand, and has ended when the collection has.
     */
    private record LockedFlow(
            MethodInvocation invocation, LockedMethod method, CallContext context, Supplier<Executor> executor)
            implements Flow<Object> {

        @Override
        public @Nullable Object collect(
                FlowCollector<? super Object> collector, Continuation<? super Unit> continuation) {
            // Without the job, as cancellation arrives through the subscription.
            CoroutineBody.OfFlow body =
                    new CoroutineBody.OfFlow(continuation.getContext().minusKey(Job.Key));
            ReactiveCall call = new ReactiveCall(invocation, method, context, () -> body, executor);
            Flux<Object> locked = new LockedFlux(call).assembled().doOnCancel(body::cancelled);
            Flow<Object> values = FlowKt.buffer(ReactiveFlowKt.asFlow(locked), 0, BufferOverflow.SUSPEND);
            return FlowKt.onCompletion(values, (all, cause, collecting) -> body.awaitEnd(collecting))
                    .collect(collector, continuation);
        }
    }
}
