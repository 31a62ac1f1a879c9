// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import reactor.core.CoreSubscriber;
import reactor.core.publisher.Flux;

/** A locked call with any number of values. */
final class LockedFlux extends Flux<Object> {

    private final ReactiveCall call;

    LockedFlux(ReactiveCall call) {
        this.call = call;
    }

    Flux<Object> assembled() {
        return onAssembly(this);
    }

    @Override
    public void subscribe(CoreSubscriber<? super Object> actual) {
        new LockedSubscriber(actual, call, false).start();
    }

    @Override
    public String toString() {
        return "KeyedLock(" + call.method().place() + ")";
    }
}
