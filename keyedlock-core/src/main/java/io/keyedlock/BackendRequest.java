// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * One request to a backend, and the lease that it brings. {@link BackendKey} states its transitions.
 *
 * <p>The backend may call the methods of {@link KeyedLockerBackend.Receiver} on any thread, even before {@link #send()}
 * returns.
 */
final class BackendRequest implements KeyedLockerBackend.Receiver {

    private final Entry entry;

    private final BackendKey key;

    /** The limit of the key that the request carries. */
    int limit;

    /** Whether the request waits in the backend's queue if no permit is free. */
    private final boolean waits;

    /** Set once the backend has reported that others hold the key. */
    private volatile boolean queued;

    /**
     * {@link #send()} writes this and then reads {@link #cancelled}; {@link #cancel()} runs after {@code cancelled} was written
     * and reads this. So the second of the two cancels the request at the backend.
     */
    private volatile KeyedLockerBackend.@Nullable Request sent;

    /** Whether the permit is no longer needed. Written once, under the stripe's lock. */
    private volatile boolean cancelled;

    /** Written once, before the section in which it is granted. */
    private volatile KeyedLockerBackend.@Nullable Lease lease;

    private volatile boolean lost;

    /** Completes after {@link #lost} was set, on a thread that may run foreign code. */
    private final CompletableFuture<Void> loss = new CompletableFuture<>();

    /** Whether a caller has used the lease. Guarded by the stripe's lock. */
    private boolean used;

    BackendRequest(Entry entry, BackendKey key, int limit, boolean waits) {
        this.entry = entry;
        this.key = key;
        this.limit = limit;
        this.waits = waits;
    }

    /** Returns whether the backend has not answered yet. */
    boolean isUnanswered() {
        return !queued;
    }

    OptionalLong fencingToken() {
        KeyedLockerBackend.Lease granted = lease;
        return granted == null ? OptionalLong.empty() : granted.fencingToken();
    }

    boolean isValid() {
        KeyedLockerBackend.Lease granted = lease;
        try {
            return !lost && granted != null && granted.isValid();
        } catch (Throwable e) {
            return false;
        }
    }

    CompletionStage<Void> whenLost() {
        return loss.copy();
    }

    Engine locker() {
        return entry.stripe.locker;
    }

    // ---- under the stripe's lock

    void markCancelled() {
        cancelled = true;
    }

    /** Copies what the backend has reported to the request that this one replaces. */
    void copyStateOf(BackendRequest replaced) {
        queued = replaced.queued;
    }

    /** Uses the lease for a caller. Returns false if the lease must be released instead. */
    boolean useLease() {
        KeyedLockerBackend.Lease granted = lease;
        if (lost || granted == null) {
            return false;
        }
        if (used) {
            try {
                return granted.mayHandOff();
            } catch (Throwable e) {
                return false;
            }
        }
        used = true;
        return true;
    }

    // ---- with no lock held

    /** Sends the request to the backend, unless it was cancelled. */
    void send() {
        if (cancelled) {
            return;
        }
        KeyedLockerBackend.Request request;
        try {
            request = key.backend.acquire(key.name, limit, waits, this);
        } catch (Throwable e) {
            failed(e);
            return;
        }
        sent = request;
        if (cancelled) {
            cancel(request);
        }
    }

    /** Cancels the request at the backend if it was sent. Called after {@link #markCancelled()}. */
    void cancel() {
        KeyedLockerBackend.Request request = sent;
        if (request != null) {
            cancel(request);
        }
    }

    private void cancel(KeyedLockerBackend.Request request) {
        try {
            request.cancel();
        } catch (Throwable e) {
            warn("a request to the backend could not be cancelled", e);
        }
    }

    void release() {
        KeyedLockerBackend.Lease granted = lease;
        if (granted != null) {
            if (lost) {
                warn("a permit was released after its lease was lost, so another process may have held the key", null);
            }
            release(granted);
        }
    }

    private void release(KeyedLockerBackend.Lease granted) {
        try {
            granted.release();
        } catch (Throwable e) {
            warn("a lease could not be released", e);
        }
    }

    private void warn(String event, @Nullable Throwable failure) {
        try {
            Messages.warn(locker().settings, Messages.describe(entry) + ": " + event, failure);
        } catch (Throwable e) {
            // There is no further place to report it.
        }
    }

    // ---- called by the backend

    @Override
    public void queued() {
        queued = true;
    }

    @Override
    public void granted(KeyedLockerBackend.Lease granted) {
        lease = granted;
        if (hasHeadroom()) {
            grant(granted);
        } else {
            Background.execute(() -> grant(granted));
        }
    }

    private void grant(KeyedLockerBackend.Lease granted) {
        entry.stripe.lock();
        if (key.pending == this) {
            key.pending = null;
            entry.stripe.handOffAndUnlock(entry, null, this, true);
        } else {
            entry.stripe.unlock();
            release(granted);
        }
    }

    /**
     * Returns whether the stack has room for a section. If not, the section runs on another thread, because the backend does not
     * answer twice. Only then does an answer need memory.
     */
    private static boolean hasHeadroom() {
        try {
            Headroom.checkForSection();
            return true;
        } catch (StackOverflowError e) {
            return false;
        }
    }

    @Override
    public void rejected() {
        ended(null);
    }

    @Override
    public void failed(Throwable cause) {
        ended(cause);
    }

    private void ended(@Nullable Throwable cause) {
        if (hasHeadroom()) {
            end(cause);
        } else {
            Background.execute(() -> end(cause));
        }
    }

    private void end(@Nullable Throwable cause) {
        entry.stripe.lock();
        if (key.pending == this) {
            key.pending = null;
            ContendedState contended = entry.contended();
            Waiter ended = cause == null ? key.reject(contended) : key.fail(contended, cause);
            entry.stripe.handOffAndUnlock(entry, ended, null, true);
        } else {
            entry.stripe.unlock();
        }
    }

    @Override
    public void lost() {
        lost = true;
        Background.execute(() -> loss.complete(null));
        CompositeListener listeners = locker().listeners;
        if (listeners == null) {
            Background.execute(() ->
                    warn("the lease was lost while the key was held, and another process may hold the key now", null));
        } else {
            Background.execute(() -> listeners.leaseLost(entry.key));
        }
    }
}
