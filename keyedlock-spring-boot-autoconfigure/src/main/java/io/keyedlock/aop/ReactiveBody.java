// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.reactivestreams.Publisher;

/** What a subscription to a locked call runs. */
@FunctionalInterface
interface ReactiveBody {

    /** A publisher of what the method has returned. */
    Publisher<Object> publisher(Object returned);

    /** What the method is called with, given what its caller passed; that is left as it is. */
    default Object[] arguments(Object[] passed) {
        return passed.clone();
    }

    /** Whether code of it may run before the subscription has returned and {@link #whenEnded} knows of it. */
    default boolean beginsInSubscribe() {
        return false;
    }

    /** Runs an action once the body has ended, after a cancellation; at once, where nobody can see when it does. */
    default void whenEnded(Runnable action) {
        action.run();
    }
}
