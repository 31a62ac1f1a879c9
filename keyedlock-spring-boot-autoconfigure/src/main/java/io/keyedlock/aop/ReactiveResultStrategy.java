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
 * For methods that return a publisher, or what can be turned into one and back. Each subscription is a call of its own: it
 * evaluates the key, takes the lock, calls the method, and holds the lock until completion, error or cancellation; a
 * coroutine that is cancelled, until it has ended.
 *
 * <p>To be touched only where Reactor is there.
 */
final class ReactiveResultStrategy implements ResultStrategy {

    /** Whether there is one value at most. */
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

    /** For a type of the registry; null if that cannot give what a method of this type must return. */
    static @Nullable ReactiveResultStrategy of(Class<?> declared, Supplier<Executor> executor) {
        ReactiveAdapter adapter = adapterOf(declared);
        if (adapter == null) {
            return null;
        }
        ReactiveBody body = result -> publisher(result, adapter);
        return new ReactiveResultStrategy(!adapter.isMultiValue(), () -> body, adapter::fromPublisher, executor);
    }

    /** For a suspending function, which stands behind a publisher as far as advice sees it. */
    static ReactiveResultStrategy suspending(boolean single, Supplier<Executor> executor) {
        return new ReactiveResultStrategy(single, CoroutineBody.OfFunction::new, publisher -> publisher, executor);
    }

    /** Whether a publisher of this type may complete without a value. */
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

    @SuppressWarnings("unchecked") // what it gives is passed on as it is
    static Publisher<Object> untyped(Publisher<?> publisher) {
        return (Publisher<Object>) publisher;
    }

    @Override
    public Object call(MethodInvocation invocation, LockedMethod method, CallContext context) {
        ReactiveCall call = new ReactiveCall(invocation, method, context, bodies, executor);
        return asResult.apply(single ? new LockedMono(call).assembled() : new LockedFlux(call).assembled());
    }
}
