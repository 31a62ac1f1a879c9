// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Where the permits of one locker come from beyond this process, so that its keys exclude each other across processes.
 *
 * <p>The locker stays in front: queue, re-entry, snapshots and idle waiting are its own. For a key with waiting callers and
 * a place that is free in this process it has one request under way, and what is granted goes to the caller at the head.
 * A lease that is given back goes on to the next caller as long as {@link Lease#mayHandOff()} says so, without a word to the
 * backend. A caller who awaits a remote permit is a waiter.
 *
 * <p><b>Threads.</b> The locker calls with none of its locks held, but for {@link Lease#mayHandOff()}; no method may block,
 * wait for an answer, or throw. A backend calls a {@link Receiver} on whatever thread it likes, also before
 * {@link #acquire} returns: the receiver does not block either, and runs no code of the application's on that thread.
 *
 * <p><b>Answers.</b> Each request gets exactly one of {@link Receiver#granted}, {@link Receiver#refused} and
 * {@link Receiver#failed}, unless it is cancelled, and a cancelled one may still get it. A backend that cannot be reached
 * must say so by {@code failed} within a time of its own, also for requests that are queued, as callers rely on that.
 */
public interface KeyedLockerBackend extends AutoCloseable {

    /**
     * What kind of backend this is, as the endpoint shows it.
     *
     * @return a short name, for instance {@code redis}
     */
    String name();

    /**
     * The name of a key beyond this process. Equal keys have equal names, unequal keys unequal ones, in every process; the
     * names also give the order in which several keys are taken. Called by the thread that asks for a permit, before
     * anything is counted; this method may throw.
     *
     * @param key the key
     * @return its name
     * @throws IllegalArgumentException if the key has none; the message says what to use instead
     */
    String keyName(Object key);

    /**
     * Asks for a permit of a key.
     *
     * @param keyName the name of the key
     * @param waits whether to wait in line if no permit is free; if not, the answer is {@link Receiver#refused}
     * @param receiver who is told what comes of it
     * @return the request
     */
    Request acquire(String keyName, boolean waits, Receiver receiver);

    /**
     * Whether this backend can be reached, as far as it was seen.
     *
     * @return false if its last answer failed to come
     */
    boolean isAvailable();

    /**
     * Returns whether an annotated call whose lease was lost fails.
     *
     * @return false if the loss is only reported
     */
    default boolean failsLostCalls() {
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
     * Returns a limit that another process uses for this locker, if it was seen lately and differs from that of this process.
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
     * @return the holders; fails if the backend cannot be reached
     */
    default CompletionStage<List<Holder>> holdersElsewhere(String keyName) {
        return CompletableFuture.completedFuture(List.of());
    }

    /**
     * The locker was closed: no further requests will come. Leases that are held stay until they are released. May wait for a short
     * time until releases under way have arrived.
     */
    @Override
    void close();

    /**
     * A holder of a key in another process.
     *
     * @param owner which process it is, in the words of its configuration
     * @param age how long it has held the key
     * @param leaseLeft how long its lease lasts unless it is renewed
     */
    record Holder(String owner, Duration age, Duration leaseLeft) {}

    /** A request for a permit. */
    interface Request {

        /** The permit is not wanted any more. If it is granted nonetheless, the receiver gives it back. Called more than once at times. */
        void cancel();
    }

    /** A permit from beyond this process. */
    interface Lease {

        /**
         * A number that no lease of this key granted before has, and that is greater than theirs.
         *
         * @return the token, or empty if there are none
         */
        OptionalLong fencingToken();

        /**
         * Whether the next holder may have this lease without asking the backend. False once its time or its turn is over. A
         * quick look: called under an internal lock.
         *
         * @return true if it may be passed on now
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

        /** Gives the permit back. Called once, also after the lease was lost. */
        void release();
    }

    /** Hears what comes of one request. */
    interface Receiver {

        /** The backend has answered that no permit is free, and has put the request in line. */
        void queued();

        /**
         * The permit was granted.
         *
         * @param lease what is held from now on
         */
        void granted(Lease lease);

        /** No permit is free, and the request does not wait. */
        void refused();

        /**
         * The request has failed, and there is no permit.
         *
         * @param cause why; its message is told to the callers
         */
        void failed(Throwable cause);

        /** The lease that was granted is lost: another process may be inside. Comes after {@link #granted} and at most once. */
        void lost();
    }
}
