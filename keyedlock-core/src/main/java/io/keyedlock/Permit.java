// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The right of one caller to be inside the section of one key (or of several, see
 * {@link KeyedLocker#acquireAll(java.util.Collection)}).
 *
 * <p>A permit is closed once; that gives the right back and lets the next waiter in. Every further {@link #close()}, from
 * whatever thread and however late, does nothing and never affects the next holder.
 *
 * <pre>{@code
 * try (Permit permit = locker.acquire(orderId)) {
 *   ship(orderId);
 * }
 * }</pre>
 *
 * <p>What a thread did before it closed a permit is visible to whoever is granted that key afterwards.
 */
public interface Permit extends AutoCloseable {

    /**
     * Gives the permit back. May be called by any thread and any number of times; only the first call has an effect. Never
     * waits for another holder.
     *
     * <p>A future that is granted the permit by this call is completed by the calling thread before the call returns.
     * One exception: a call by what depends on a future that was completed in this way, and so on sixteen deep, leaves
     * the completion to the calls further out on the same thread.
     */
    @Override
    void close();

    /**
     * A number that never decreases from one holder of a key to the next, so that a store can refuse a holder whose lease was
     * lost meanwhile. Successive holders of a key in one process may have the same.
     *
     * @return the token, or empty for a locker that lives in one process, and for a permit of several keys
     */
    default OptionalLong fencingToken() {
        return OptionalLong.empty();
    }

    /**
     * Returns whether this permit still excludes others. False once its lease was lost or has ended, so that another process
     * may hold the key. Meaningful while the permit is open.
     *
     * @return true if the lease is alive as far as this process knows; always true for a locker that lives in one process
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
     * Returns a stage that completes when the lease of this permit is lost, on a thread of the common pool. It never completes
     * for a locker that lives in one process, and may complete after the permit was closed.
     *
     * @return a new stage
     */
    default CompletionStage<Void> whenLost() {
        return new CompletableFuture<>();
    }
}
