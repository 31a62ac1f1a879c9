// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.ArrayDeque;

/**
 * Completes futures on the thread that ended their wait. What runs then may close permits and so end the wait of further
 * futures, which are completed right there, up to a depth; from there on they are put off until the innermost completion
 * returns, so that no chain of them overflows the stack.
 */
final class Deliveries {

    private static final int DEEPEST = 16;

    private static final ThreadLocal<Deliveries> OF_THREAD = new ThreadLocal<>();

    /** All fields are used by one thread only. */
    private final ArrayDeque<Waiter> putOff = new ArrayDeque<>(4);

    private int depth;

    private Deliveries() {}

    /** Completes the future of a waiter whose wait is over, or puts it off. To be called with no lock held. */
    static void deliver(Waiter waiter) {
        Deliveries mine = OF_THREAD.get();
        if (mine == null) {
            mine = new Deliveries();
            OF_THREAD.set(mine);
        }
        mine.complete(waiter);
    }

    private void complete(Waiter waiter) {
        if (depth == DEEPEST) {
            putOff.add(waiter);
            return;
        }
        depth++;
        try {
            try {
                PermitFuture.finish(waiter);
            } finally {
                if (depth == DEEPEST) {
                    finishPutOff();
                }
            }
        } finally {
            depth--;
            if (depth == 0) {
                OF_THREAD.remove();
            }
        }
    }

    /** Callbacks do not throw; should an error escape all the same, the others are completed before it goes on. */
    private void finishPutOff() {
        Error escaped = null;
        for (Waiter next = putOff.poll(); next != null; next = putOff.poll()) {
            try {
                PermitFuture.finish(next);
            } catch (Error e) {
                escaped = e;
            }
        }
        if (escaped != null) {
            throw escaped;
        }
    }
}
