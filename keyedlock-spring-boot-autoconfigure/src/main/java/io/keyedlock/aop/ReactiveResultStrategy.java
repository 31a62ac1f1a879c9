// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Supplier;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.springframework.core.ReactiveAdapter;
import org.springframework.core.ReactiveAdapterRegistry;

/**
 * The strategy for methods that return a publisher or a type that can be adapted to and from one. Each subscription is
 * a separate call: it evaluates the key, acquires the lock, calls the method, and holds the lock until completion,
 * error or cancellation. A cancelled coroutine holds it until it has ended.
 *
 * <p>Requires Reactor.
 */
final class ReactiveResultStrategy implements ResultStrategy {

    /** Whether the publisher has at most one value. */
    private final boolean single;

    private final Supplier<ReactiveBody> bodies;

    private final Function<Publisher<Object>, Object> asResult;

    private final Supplier<Executor> executor;

    private ReactiveResultStrategy(
            boolean single,
            Supplier<ReactiveBody> bodies,
            Function<Publisher<Object>, Object> asResult,
            Supplier<Executor> executor) {
        this.single = single;
        this.bodies = bodies;
        this.asResult = asResult;
        this.executor = executor;
    }

    /** Returns the strategy for a reactive type, or null if the registry cannot create a result of this type. */
    static @Nullable ReactiveResultStrategy of(Class<?> declared, Supplier<Executor> executor) {
        ReactiveAdapter adapter = adapterOf(declared);
        if (adapter == null) {
            return null;
        }
        ReactiveBody body = result -> publisher(result, adapter);
        return new ReactiveResultStrategy(!adapter.isMultiValue(), () -> body, adapter::fromPublisher, executor);
    }

    /** Returns the strategy for a suspending function, which Spring presents to advice as a publisher. */
    static ReactiveResultStrategy suspending(boolean single, Supplier<Executor> executor) {
        return new ReactiveResultStrategy(single, CoroutineBody.OfFunction::new, publisher -> publisher, executor);
    }

    /** Returns whether a publisher of this type may complete without a value. */
    static boolean mayBeEmpty(Class<?> declared) {
        ReactiveAdapter adapter = adapterOf(declared);
        return adapter != null && adapter.supportsEmpty();
    }

    private static @Nullable ReactiveAdapter adapterOf(Class<?> declared) {
        ReactiveAdapter adapter = ReactiveAdapterRegistry.getSharedInstance().getAdapter(declared);
        return adapter != null && declared.isAssignableFrom(adapter.getReactiveType()) ? adapter : null;
    }

    private static Publisher<Object> publisher(Object result, ReactiveAdapter adapter) {
        return result instanceof Publisher<?> some ? untyped(some) : adapter.toPublisher(result);
    }

    @SuppressWarnings("unchecked") // the values are forwarded unchanged
    static Publisher<Object> untyped(Publisher<?> publisher) {
        return (Publisher<Object>) publisher;
    }

    @Override
    public Object call(MethodInvocation invocation, LockedMethod method, CallContext context) {
        ReactiveCall call = new ReactiveCall(invocation, method, context, bodies, executor);
        return asResult.apply(single ? new LockedMono(call).assembled() : new LockedFlux(call).assembled());
    }
}
