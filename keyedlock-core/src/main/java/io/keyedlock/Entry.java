// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The lock of one key. It is in its stripe's table exactly while the key is held, awaited or pinned. It is also the hold of the
 * caller that created it, so that an uncontended acquisition allocates one object. A removed entry is never used again.
 *
 * <p>Guarded by the stripe's lock, except for the final fields.
 */
final class Entry extends Hold {

    final Object key;

    /** The spread hash code of the key when the entry was created. The key's own may have changed since. */
    final int hash;

    final Stripe stripe;

    /** The next entry in the same chain. */
    @Nullable
    Entry next;

    /** Null until a second caller, a pin, a {@link LockView} or a backend needs more than the entry's own hold. */
    private @Nullable ContendedState contended;

    /**
     * Creates the entry of a key, which the caller adds to the stripe's table.
     *
     * @param owner the owner of the hold; null if no thread owns it
     * @param held whether the entry is also a hold
     * @param since when that hold begins, or 0 if no listener times holds
     */
    Entry(Object key, int hash, Stripe stripe, @Nullable Thread owner, boolean held, long since) {
        super(owner, held, since);
        this.key = key;
        this.hash = hash;
        this.stripe = stripe;
    }

    @Override
    public void close() {
        stripe.release(this);
    }

    @Override
    Entry entry() {
        return this;
    }

    /** Returns the contended state, or null if there is none. */
    @Nullable
    ContendedState contendedIfAny() {
        return contended;
    }

    /** Returns the contended state, creating it if there is none. */
    ContendedState contended() {
        ContendedState c = contended;
        if (c == null) {
            c = contended = new ContendedState(this);
        }
        return c;
    }

    /** Returns the backend state of this key, creating it if there is none. */
    BackendKey backendKey(KeyedLockerBackend backend, String keyName) {
        ContendedState c = contended();
        BackendKey backendKey = c.backendKey;
        if (backendKey == null) {
            backendKey = c.backendKey = new BackendKey(backend, keyName);
        }
        return backendKey;
    }

    int holdCount() {
        ContendedState c = contendedIfAny();
        return c != null ? c.holdCount : isHeld() ? 1 : 0;
    }

    /** Returns the limit of this key as far as it is known. */
    int limit() {
        ContendedState c = contendedIfAny();
        return c == null ? stripe.locker.limits.ofLocker() : c.limit();
    }

    boolean isLimitKnown() {
        ContendedState c = contendedIfAny();
        return c != null && c.keyLimit() != null;
    }

    /** Returns the limit of this key, or 0 if it was not asked for yet. */
    int knownLimit() {
        return isLimitKnown() ? limit() : 0;
    }

    int waiterCount() {
        ContendedState c = contendedIfAny();
        return c == null ? 0 : c.waiterCount;
    }

    /** Calls an action with each hold, the oldest first. */
    void forEachHold(Consumer<Hold> action) {
        if (isHeld()) {
            action.accept(this);
        }
        ContendedState c = contendedIfAny();
        for (ExtraHold h = c == null ? null : c.oldestHold(); h != null; h = h.newer) {
            action.accept(h);
        }
    }

    /** Returns the oldest hold, or null. */
    @Nullable
    Hold oldestHold() {
        ContendedState c = contendedIfAny();
        return isHeld() ? this : c == null ? null : c.oldestHold();
    }

    /** Returns the hold that a thread owns, or null. */
    @Nullable
    Hold holdOf(Thread thread) {
        if (owner == thread && isHeld()) {
            return this;
        }
        ContendedState c = contendedIfAny();
        return c == null ? null : c.holdOf(thread);
    }
}
