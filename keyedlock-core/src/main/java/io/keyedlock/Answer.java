// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

/** What a caller gets who asks for a key: a permit ({@link Hold} or {@link Reentry}), a place in the queue, or a refusal. */
sealed interface Answer permits Hold, Reentry, Waiter, Answer.Refusal {

    /** Why a caller gets neither a permit nor a place in the queue. */
    enum Refusal implements Answer {
        /** No permit is free, and the caller does not want to wait. */
        TAKEN,
        /** No permit is free, and the queue is full. */
        FULL,
        /** The caller's thread holds the key, and the locker is not re-entrant. */
        REENTRY,
        /** The locker takes no new callers for the time being. */
        DRAINING,
        /** The locker is closed. */
        CLOSED
    }
}
