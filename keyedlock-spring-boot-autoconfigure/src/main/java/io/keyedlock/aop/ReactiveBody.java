// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import org.reactivestreams.Publisher;

/** The body that a subscription to a locked call runs. */
@FunctionalInterface
interface ReactiveBody {

    /** Adapts the result of the method to a publisher. */
    Publisher<Object> publisher(Object returned);

    /** Returns the arguments for the method. Does not change the given array. */
    default Object[] arguments(Object[] passed) {
        return passed.clone();
    }

    /**
     * Returns whether code of the body may run before the subscription has returned and {@link #whenEnded} can observe
     * it.
     */
    default boolean beginsInSubscribe() {
        return false;
    }

    /** Runs an action once the body has ended after a cancellation; at once if its end cannot be observed. */
    default void whenEnded(Runnable action) {
        action.run();
    }
}
