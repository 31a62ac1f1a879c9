// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import reactor.core.CoreSubscriber;
import reactor.core.publisher.Mono;

/** A locked call with one value or none. */
final class LockedMono extends Mono<Object> {

    private final ReactiveCall call;

    LockedMono(ReactiveCall call) {
        this.call = call;
    }

    Mono<Object> assembled() {
        return onAssembly(this);
    }

    @Override
    public void subscribe(CoreSubscriber<? super Object> actual) {
        new LockedSubscriber(actual, call, true).start();
    }

    @Override
    public String toString() {
        return "KeyedLock(" + call.method().place() + ")";
    }
}
