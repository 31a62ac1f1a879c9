// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The right of one caller to hold one key (or several, see {@link KeyedLocker#acquireAll(java.util.Collection)}).
 *
 * <p>Closing a permit releases the key and admits the next waiter. Every further {@link #close()}, by any thread and however
 * late, has no effect and never affects the next holder.
 *
 * <pre>{@code
 * try (Permit permit = locker.acquire(orderId)) {
 *   ship(orderId);
 * }
 * }</pre>
 *
 * <p>Actions of a thread before it closes a permit happen before those of the next holder of that key.
 *
 * @see KeyedLocker#acquire(Object)
 * @since 0.1.0
 */
public interface Permit extends AutoCloseable {

    /**
     * Releases the permit. May be called by any thread and any number of times; only the first call has an effect. Never waits
     * for another holder.
     *
     * <p>If this call grants the permit to a future, the calling thread completes that future before the call returns. One
     * exception: if callbacks of such futures close further permits, and so on sixteen levels deep, the completion is left to
     * the outer calls on the same thread.
     */
    @Override
    void close();

    /**
     * Returns the fencing token: a number that never decreases from one holder of a key to the next, so that a store can reject
     * a holder whose lease was lost. Successive holders of a key in one process may have the same token.
     *
     * @return the token, or empty for a locker without a backend, and for a permit of several keys
     */
    default OptionalLong fencingToken() {
        return OptionalLong.empty();
    }

    /**
     * Returns whether this permit still excludes other processes. False after its lease was lost or has ended, so that another
     * process may hold the key. Meaningful only while the permit is open.
     *
     * @return true if the lease is alive as far as this process knows; always true for a locker without a backend
     */
    default boolean isValid() {
        return true;
    }

    /**
     * Throws an exception unless this permit {@link #isValid() is valid}.
     *
     * @throws LockLeaseLostException if its lease was lost
     */
    default void checkValid() {}

    /**
     * Returns a stage that completes, on a thread of the engine, when the lease of this permit is lost. It never completes for
     * a locker without a backend, and may complete after the permit was closed.
     *
     * @return a new stage
     */
    default CompletionStage<Void> whenLost() {
        return new CompletableFuture<>();
    }
}
