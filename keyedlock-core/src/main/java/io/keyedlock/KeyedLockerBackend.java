// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Grants the permits of one locker across processes, so that its keys exclude each other in all of them.
 *
 * <p>The locker itself manages the queue, reentrant acquisitions, snapshots and idle waiting. For a key with waiters and a
 * permit that is free in this process, it has one pending request; the granted permit goes to the head of the queue. When a
 * permit is released, its lease is handed off to the next waiter without contacting the backend, for as long as
 * {@link Lease#mayHandOff()} returns true. If the limit of the key changes while a request is pending, the locker cancels it and
 * sends another. A caller that awaits the backend is a waiter.
 *
 * <p><b>Threads.</b> The locker calls a backend with none of its locks held, except for {@link Lease#mayHandOff()}. No method
 * may block, wait for an answer, or throw. A backend may call a {@link Receiver} on any thread, even before {@link #acquire}
 * returns. The receiver does not block either, and runs no application code on that thread.
 *
 * <p><b>Answers.</b> Each request is answered by exactly one of {@link Receiver#granted}, {@link Receiver#rejected} and
 * {@link Receiver#failed}, unless it is cancelled; a cancelled request may be answered. A backend that cannot be reached must
 * call {@code failed} within a time limit of its own, including for queued requests, because callers rely on that.
 *
 * @see KeyedLocker#createOn(KeyedLockerBackend, KeyedLockerSettings)
 * @since 0.1.0
 */
public interface KeyedLockerBackend extends AutoCloseable {

    /**
     * Returns the kind of this backend, as the endpoint shows it.
     *
     * @return a short name, for instance {@code redis}
     */
    String name();

    /**
     * Returns the name of a key at the backend. Equal keys have equal names and unequal keys have unequal names, in every
     * process. The names also define the order in which several keys are acquired. Called by the acquiring thread, before
     * anything is counted. This method may throw.
     *
     * @param key the key
     * @return its name
     * @throws IllegalArgumentException if the key has no name; the message says what to use instead
     */
    String keyName(Object key);

    /**
     * Requests a permit of a key.
     *
     * @param keyName the name of the key
     * @param limit the limit of the key now: how many permits of it may exist in all processes for this one to get another
     * @param waits whether to wait in the backend's queue if no permit is free; if not, the answer is {@link Receiver#rejected}
     * @param receiver the receiver of the answer
     * @return the request
     */
    Request acquire(String keyName, int limit, boolean waits, Receiver receiver);

    /**
     * Returns whether this backend could be reached when it was last contacted.
     *
     * @return false if the last answer failed to arrive
     */
    boolean isAvailable();

    /**
     * Returns whether an annotated call whose lease was lost fails.
     *
     * @return false if the loss is only reported
     */
    default boolean failOnLeaseLost() {
        return true;
    }

    /**
     * Returns how many calls of this locker the backend has not answered in time.
     *
     * @return the number so far
     */
    default long timeouts() {
        return 0;
    }

    /**
     * Returns the limit that another process uses for this locker, if it was seen recently and differs from that of this
     * process.
     *
     * @return the other limit, or empty
     */
    default OptionalInt otherLimit() {
        return OptionalInt.empty();
    }

    /**
     * Returns the holders of a key in other processes.
     *
     * @param keyName the name of the key
     * @return the holders; the stage fails if the backend cannot be reached
     */
    default CompletionStage<List<Holder>> holdersElsewhere(String keyName) {
        return CompletableFuture.completedFuture(List.of());
    }

    /**
     * Closes this backend after its locker was closed: there will be no further requests. Leases that are held remain until
     * they are released. May wait briefly until pending releases have arrived.
     */
    @Override
    void close();

    /**
     * A holder of a key in another process.
     *
     * @param owner the process, as named in its configuration
     * @param age how long it has held the key
     * @param leaseLeft how long its lease lasts unless it is renewed
     * @since 0.1.0
     */
    record Holder(String owner, Duration age, Duration leaseLeft) {}

    /**
     * A request for a permit.
     *
     * @since 0.1.0
     */
    interface Request {

        /**
         * Cancels the request, because the permit is no longer needed. If it is granted nevertheless, the receiver releases
         * it. May be called more than once.
         */
        void cancel();
    }

    /**
     * A permit that the backend has granted to this process.
     *
     * @since 0.1.0
     */
    interface Lease {

        /**
         * Returns the fencing token of this lease, a number that is greater than that of every earlier lease of this key.
         *
         * @return the token, or empty if the backend has none
         */
        OptionalLong fencingToken();

        /**
         * Returns whether this lease may be handed off to the next holder without contacting the backend. Called under an
         * internal lock, so it must return quickly.
         *
         * @return true if the lease may be handed off now; false once it has ended, or other processes are due
         */
        boolean mayHandOff();

        /**
         * Returns whether the lease is alive as far as this process knows.
         *
         * @return false once it was lost or has ended
         */
        default boolean isValid() {
            return true;
        }

        /** Releases the permit. Called once, also after the lease was lost. */
        void release();
    }

    /**
     * Receives the answer to one request.
     *
     * @since 0.1.0
     */
    interface Receiver {

        /** Called when the backend has answered that no permit is free, and has queued the request. */
        void queued();

        /**
         * Called when the permit was granted.
         *
         * @param lease the lease, which is held until it is released
         */
        void granted(Lease lease);

        /** Called when no permit is free, and the request does not wait. */
        void rejected();

        /**
         * Called when the request has failed, so that there is no permit.
         *
         * @param cause the cause; its message is reported to the callers
         */
        void failed(Throwable cause);

        /**
         * Called at most once, after {@link #granted}, when the granted lease was lost, so that another process may hold the
         * key at the same time.
         */
        void lost();
    }
}
