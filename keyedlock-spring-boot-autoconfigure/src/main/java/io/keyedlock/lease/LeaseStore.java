// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.lease;

import io.keyedlock.KeyedLockerBackend;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * Stores leases and queues of waiters outside the process.
 *
 * <p><b>Threads.</b> All methods are asynchronous and never block the caller. They may throw; that counts as a failed call.
 * Returned stages complete on any thread. A caller that no longer wants an answer cancels the stage's
 * {@link CompletionStage#toCompletableFuture() future}; the store should then not send a command that it has not sent yet.
 *
 * <p><b>Network.</b> Calls may arrive late, repeatedly, and in a different order than they were made. A store must still keep
 * these rules:
 *
 * <ul>
 *   <li>A claim is granted only if fewer leases of its key exist than the limit of <em>its</em> requester, and if no earlier
 *       waiter could be granted a lease instead. The store's clock decides when a lease ends.
 *   <li>Fencing tokens of a key strictly increase: {@code max(last + 1, time of the store in microseconds)}.
 *   <li>A released claim never holds or awaits a lease again, even if an {@link #acquire} of it arrives later. It is enough to
 *       remember the highest released number of each requester and key, for {@link #TOMBSTONE_TIME} or for a lease time,
 *       whichever is longer, because a requester makes the claims of one key in sequence.
 *   <li>A waiter is removed if no call has named its claim for its patience, or if the record of these calls has vanished.
 *   <li>A waiter no longer precedes others if it was offered a free lease and has not acquired it within
 *       {@link Requester#offerTime()}. Nor does it precede a waiter if it has sent no heartbeat between the last two
 *       heartbeats of that waiter, or if that waiter was offered a lease at such a heartbeat. So waiters that are gone delay
 *       others by one heartbeat, regardless of their number.
 * </ul>
 *
 * @since 0.1.0
 * @see Leases
 */
public interface LeaseStore extends AutoCloseable {

    /** The shortest time for which a released claim is remembered. */
    Duration TOMBSTONE_TIME = Duration.ofSeconds(10);

    /** How long an offer lasts: long enough for a live waiter to react; short, because a dead waiter blocks its key meanwhile. */
    Duration OFFER_TIME = Duration.ofMillis(250);

    /**
     * Returns the kind of store, as shown by the endpoint and in messages.
     *
     * @return a short name, for instance {@code redis}
     */
    String name();

    /**
     * Returns how long a waiter may need to learn of an offer and to acquire the lease. Lockers ask when they are created. An
     * offer lasts for this time or until the next heartbeat is due, whichever is shorter.
     *
     * @return {@link #OFFER_TIME} by default
     */
    default Duration offerTime() {
        return OFFER_TIME;
    }

    /**
     * Acquires a lease, or enqueues the claim if it waits. Repeating a call is harmless: a claim that holds a lease is
     * granted it again with the same token, and a claim that waits keeps its place.
     *
     * @param claim the claim
     * @return the answer
     */
    CompletionStage<Grant> acquire(Claim claim);

    /**
     * Releases the lease or the place in the queue that a claim may have, and offers free leases to waiters.
     *
     * @param claim the claim
     * @return whether the claim held a lease that had not ended
     */
    CompletionStage<Boolean> release(Claim claim);

    /**
     * Returns the part of the store that has the leases of a requester. The parts of a store can fail independently, so each
     * part has its own heartbeats.
     *
     * @param requester the requester
     * @return a value that is equal for all requesters of one part; by default the store has one part
     */
    default Object partition(Requester requester) {
        return "";
    }

    /**
     * Renews leases and places in queues. The claims may belong to different lockers, but to only one {@link #partition}.
     *
     * @param claims the claims
     * @return an answer for each claim, in their order
     */
    CompletionStage<List<Heartbeat>> heartbeat(List<Claim> claims);

    /**
     * Returns the holders of a key, in any process.
     *
     * @param lock the name of the locker
     * @param key the name of the key
     * @return the holders whose leases have not ended
     */
    CompletionStage<List<Holder>> holders(String lock, String key);

    /**
     * Checks with a cheap call that the store can be reached and used.
     *
     * @return a stage that completes when the store has answered
     */
    CompletionStage<Void> ping();

    /**
     * Registers the listener for turns. Called once, before any other call. A store without notifications ignores the
     * listener; waiters then find their turn by heartbeats.
     *
     * @param process the id of this process, see {@link Requester#process()}
     * @param listener the listener
     */
    void listen(String process, TurnListener listener);

    /** Releases the store's own resources. The connections of the application stay open. */
    @Override
    void close();

    /** The listener for notifications of a store. Its methods never block or throw. */
    interface TurnListener {

        /**
         * Called when a lease is offered to a waiter of this process.
         *
         * @param claimId the {@link Claim#id() id} of the claim
         */
        void turn(String claimId);

        /** Called when the store begins to deliver notifications. Earlier notifications may have been missed. */
        void listening();
    }

    /**
     * A locker of one process.
     *
     * @param process a random id of the process, without colons
     * @param id a random id of the locker in the process, without colons
     * @param owner the name of this process as a holder in other processes
     * @param lock the name of the locker
     * @param limit the limit of the locker for the key, which is granted a lease only while fewer exist. The claims of a
     *     locker may differ in it, because keys may have limits of their own, and limits may change
     * @param leaseTime how long a lease lasts unless it is renewed
     * @param patience how long a place in a queue lasts without a call that names its claim
     * @param offerTime how long a waiter that was offered a free lease precedes others
     */
    record Requester(
            String process,
            String id,
            String owner,
            String lock,
            int limit,
            Duration leaseTime,
            Duration patience,
            Duration offerTime) {

        /**
         * Returns this requester with the current limit of a key.
         *
         * @param limit the limit
         * @return this requester, or a copy if the limit differs
         */
        public Requester withLimit(int limit) {
            return limit == this.limit
                    ? this
                    : new Requester(process, id, owner, lock, limit, leaseTime, patience, offerTime);
        }

        /**
         * Returns how long the store remembers that a claim was released.
         *
         * @return the lease time, or {@link #TOMBSTONE_TIME} if that is longer
         */
        public Duration tombstoneTime() {
            return leaseTime.compareTo(TOMBSTONE_TIME) < 0 ? TOMBSTONE_TIME : leaseTime;
        }
    }

    /**
     * One request for a lease.
     *
     * @param requester the locker that makes the request
     * @param number a number that increases with each claim of the requester
     * @param key the name of the key
     * @param waits whether to enqueue the claim if no lease is free
     */
    record Claim(Requester requester, long number, String key, boolean waits) {

        /**
         * Returns the id of the claim, which is unique.
         *
         * @return the ids of the requester and the number, joined by a colon
         */
        public String id() {
            return requester.id() + ":" + number;
        }
    }

    /** The outcome of {@link #acquire}. */
    enum Outcome {
        /** The claim holds a lease. */
        GRANTED,
        /** The claim waits. */
        QUEUED,
        /** No lease is free and the claim does not wait, or the claim was released before. */
        TAKEN
    }

    /**
     * The answer to {@link #acquire}.
     *
     * @param outcome whether the claim was granted, queued, or neither
     * @param token the fencing token if the claim was granted, otherwise 0
     * @param otherLimit a limit of another process in the store that differs from the limit of the requester, or 0
     */
    record Grant(Outcome outcome, long token, int otherLimit) {}

    /** The answer to a heartbeat of one claim. */
    enum Heartbeat {
        /** The claim holds a lease, which was renewed. */
        RENEWED,
        /** The claim neither holds a lease nor waits. */
        GONE,
        /** The claim waits. */
        WAITING,
        /** The claim waits, and a lease is free for it to acquire. */
        ITS_TURN,
        /** The store cannot say and has renewed nothing, for instance because the record of the key is locked. */
        UNKNOWN
    }

    /**
     * A holder of a key.
     *
     * @param requesterId the {@link Requester#id() id} of the requester
     * @param description how the holder is shown
     */
    record Holder(String requesterId, KeyedLockerBackend.Holder description) {}
}
