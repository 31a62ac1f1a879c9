// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * One request for a permit from beyond this process, and the lease that came of it; the way is told in {@link BackendKey}.
 *
 * <p>Methods called by the backend may run on any thread, also within {@link #request()}.
 */
final class BackendRequest implements KeyedLockerBackend.Receiver {

    private final Entry entry;

    private final BackendKey key;

    /** Whether the request stands in line; if not, it is one try. */
    private final boolean waits;

    /** Set once the backend has said that others hold the key. */
    private volatile boolean queued;

    /**
     * Written by {@link #request()}, which then reads {@link #cancelled}, which is written before this is read: whoever comes
     * second removes the request.
     */
    private volatile KeyedLockerBackend.@Nullable Request request;

    /** Nobody wants the permit any more. Written once, under the stripe. */
    private volatile boolean cancelled;

    /** Written once, before the section in which it is granted. */
    private volatile KeyedLockerBackend.@Nullable Lease lease;

    private volatile boolean lost;

    /** Completes after {@link #lost} was set, where foreign code may run. */
    private final CompletableFuture<Void> loss = new CompletableFuture<>();

    /** Whether a caller has had the lease. Guarded by the stripe. */
    private boolean used;

    BackendRequest(Entry entry, BackendKey key, boolean waits) {
        this.entry = entry;
        this.key = key;
        this.waits = waits;
    }

    /** Whether the backend has not answered yet. */
    boolean isSilent() {
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

    DefaultKeyedLocker<?> locker() {
        return entry.stripe.locker;
    }

    // ---- under the stripe

    void forget() {
        cancelled = true;
    }

    /** Takes the lease for a caller, its first or a further one; false if it must go back instead. */
    boolean serve() {
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

    void request() {
        if (cancelled) {
            return;
        }
        KeyedLockerBackend.Request asked;
        try {
            asked = key.backend.acquire(key.name, waits, this);
        } catch (Throwable e) {
            failed(e);
            return;
        }
        request = asked;
        if (cancelled) {
            cancel(asked);
        }
    }

    void cancel() {
        KeyedLockerBackend.Request asked = request;
        if (asked != null) {
            cancel(asked);
        }
    }

    private void cancel(KeyedLockerBackend.Request asked) {
        try {
            asked.cancel();
        } catch (Throwable e) {
            warn("a request could not be cancelled", e);
        }
    }

    void release() {
        KeyedLockerBackend.Lease granted = lease;
        if (granted != null) {
            if (lost) {
                warn("a permit was given back whose lease was lost before, so that others may have been inside", null);
            }
            release(granted);
        }
    }

    private void release(KeyedLockerBackend.Lease granted) {
        try {
            granted.release();
        } catch (Throwable e) {
            warn("a lease could not be given back", e);
        }
    }

    private void warn(String what, @Nullable Throwable failure) {
        try {
            Messages.warn(entry.stripe.locker.settings(), what + ": " + Messages.describe(entry), failure);
        } catch (Throwable e) {
            // There is no further place to report it.
        }
    }

    // ---- by the backend

    @Override
    public void queued() {
        queued = true;
    }

    @Override
    public void granted(KeyedLockerBackend.Lease granted) {
        lease = granted;
        inSection(() -> {
            entry.stripe.lock();
            if (key.asking == this) {
                key.asking = null;
                entry.stripe.handOffAndUnlock(entry, null, this, true);
            } else {
                entry.stripe.unlock();
                release(granted);
            }
        });
    }

    /** Runs on another thread what this one's stack has no room for: the backend does not answer twice. */
    private static void inSection(Runnable section) {
        try {
            Headroom.checkForSection();
        } catch (StackOverflowError e) {
            Background.execute(section);
            return;
        }
        section.run();
    }

    @Override
    public void refused() {
        ended(null);
    }

    @Override
    public void failed(Throwable cause) {
        ended(cause);
    }

    private void ended(@Nullable Throwable cause) {
        inSection(() -> {
            entry.stripe.lock();
            if (key.asking == this) {
                key.asking = null;
                ContendedState contended = entry.contended();
                Waiter ended = cause == null ? key.refuse(contended) : key.fail(contended, cause);
                entry.stripe.handOffAndUnlock(entry, ended, null, true);
            } else {
                entry.stripe.unlock();
            }
        });
    }

    @Override
    public void lost() {
        lost = true;
        Background.execute(() -> loss.complete(null));
        CompositeListener heard = entry.stripe.locker.events();
        if (heard == null) {
            warn("a lease was lost while it was held, and another process may be inside", null);
        } else {
            Background.execute(() -> heard.leaseLost(entry.key));
        }
    }
}
