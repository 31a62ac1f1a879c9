// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.aop;

import io.keyedlock.KeyedLocker;
import io.keyedlock.KeyedLockerBackend;
import io.keyedlock.LockLeaseLostException;
import io.keyedlock.Permit;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import reactor.util.context.ContextView;

/**
 * Gives access to the permit of the annotated call that is running, for its fencing token and its validity. Available
 * for lockers with a backend.
 *
 * <pre>{@code
 * @KeyedLock(name = "accounts", key = "#account")
 * public void pay(String account, long amount) {
 *   long token = CurrentPermit.get().orElseThrow().fencingToken().orElseThrow();
 *   ledger.pay(account, amount, token);
 * }
 * }</pre>
 *
 * @since 0.1.0
 * @see io.keyedlock.Permit
 */
public final class CurrentPermit {

    private static final ThreadLocal<@Nullable CurrentPermit> INNERMOST = new ThreadLocal<>();

    private final Permit permit;
    private final boolean failsIfLost;
    private final @Nullable CurrentPermit outer;

    private CurrentPermit(Permit permit, boolean failsIfLost, @Nullable CurrentPermit outer) {
        this.permit = permit;
        this.failsIfLost = failsIfLost;
        this.outer = outer;
    }

    /**
     * Returns the permit of the innermost annotated call that runs on this thread. Do not close it.
     *
     * @return the permit, or empty if there is none, or only of lockers without a backend
     */
    public static Optional<Permit> get() {
        CurrentPermit innermost = INNERMOST.get();
        return innermost == null ? Optional.empty() : Optional.of(innermost.permit);
    }

    /**
     * Returns the permit of the innermost annotated call of a reactive chain. Do not close it.
     *
     * @param context the context of the chain
     * @return the permit, or empty if there is none
     */
    public static Optional<Permit> get(ContextView context) {
        ChainPermit held = context.getOrDefault(ChainPermit.class, null);
        return held == null ? Optional.empty() : Optional.of(held.permit());
    }

    /**
     * Makes a permit current on this thread. Must be followed by {@link #exit}.
     *
     * @return null if the locker has no backend
     */
    static @Nullable CurrentPermit enter(LockedMethod method, Permit permit) {
        KeyedLockerBackend backend = method.locker().get().backend().orElse(null);
        if (backend == null) {
            return null;
        }
        CurrentPermit entered = new CurrentPermit(permit, backend.failOnLeaseLost(), INNERMOST.get());
        INNERMOST.set(entered);
        return entered;
    }

    static void exit(@Nullable CurrentPermit entered) {
        if (entered != null) {
            if (entered.outer == null) {
                INNERMOST.remove();
            } else {
                INNERMOST.set(entered.outer);
            }
        }
    }

    /** Returns whether calls under a locker fail if their lease was lost. */
    static boolean failOnLeaseLost(KeyedLocker<?> locker) {
        return locker.backend().map(KeyedLockerBackend::failOnLeaseLost).orElse(false);
    }

    boolean failsIfLost() {
        return failsIfLost;
    }

    /** Throws if a call has lost its lease and its backend makes such calls fail. */
    static void throwIfLost(LockedMethod method, Permit permit) {
        if (failOnLeaseLost(method.locker().get())) {
            permit.checkValid();
        }
    }

    /** Throws if a call on this thread has lost its lease and its backend makes such calls fail. */
    static void checkAll() {
        for (CurrentPermit each = INNERMOST.get(); each != null; each = each.outer) {
            if (each.failsIfLost) {
                each.permit.checkValid();
            }
        }
    }

    /**
     * Returns the outcome of a call that has ended: its own failure, to which a lost lease is added as suppressed; the
     * lost lease, if there is no other failure; otherwise null.
     */
    static @Nullable Throwable outcome(LockedMethod method, Permit permit, @Nullable Throwable failure) {
        if (!failOnLeaseLost(method.locker().get()) || failure instanceof LockLeaseLostException) {
            return failure;
        }
        try {
            permit.checkValid();
            return failure;
        } catch (LockLeaseLostException lost) {
            if (failure == null) {
                return lost;
            }
            failure.addSuppressed(lost);
            return failure;
        }
    }
}
