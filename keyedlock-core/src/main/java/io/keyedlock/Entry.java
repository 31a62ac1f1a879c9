// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The lock of one key, in its stripe's table exactly as long as the key is held, awaited or pinned. Also the hold of the
 * caller who made it, so that an uncontended acquisition allocates one object. An entry that has left the table never
 * returns to it, nor is its place as a hold used again.
 *
 * <p>All fields but the final ones are guarded by the stripe.
 */
final class Entry extends Hold {

    final Object key;

    /** The spread hash code of the key when the entry was made; the key's own may have changed since. */
    final int hash;

    final Stripe stripe;

    /** Next in the same chain. */
    @Nullable
    Entry next;

    /** Null until a second caller, a pin, a {@link LockView} or a backend needs more than the entry's own hold. */
    private @Nullable ContendedState contended;

    /**
     * Makes the entry of a key, to be put into its stripe's table.
     *
     * @param owner who owns the hold, null if no thread does
     * @param held whether the entry is a hold, too
     * @param since when that hold begins, or 0 if nobody wants to know
     */
    Entry(Object key, int hash, Stripe stripe, @Nullable Thread owner, boolean held, long since) {
        super(owner, held, since);
        this.key = key;
        this.hash = hash;
        this.stripe = stripe;
    }

    @Override
    public void close() {
        stripe.release(this, null);
    }

    @Override
    Entry entry() {
        return this;
    }

    /** What there is besides the own hold, null if nothing is. */
    @Nullable
    ContendedState contendedIfAny() {
        return contended;
    }

    ContendedState contended() {
        ContendedState c = contended;
        if (c == null) {
            c = contended = new ContendedState(this);
        }
        return c;
    }

    /** The remote half of this key, made if there is none; under the stripe. */
    BackendKey remote(KeyedLockerBackend backend, String keyName) {
        ContendedState c = contended();
        BackendKey remote = c.remote;
        if (remote == null) {
            remote = c.remote = new BackendKey(backend, keyName);
        }
        return remote;
    }

    int holdCount() {
        ContendedState c = contendedIfAny();
        return c != null ? c.holdCount : isHeld() ? 1 : 0;
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

    /** The hold that has lasted longest, or null. */
    @Nullable
    Hold oldestHold() {
        ContendedState c = contendedIfAny();
        return isHeld() ? this : c == null ? null : c.oldestHold();
    }

    /** The hold that a thread owns, or null. */
    @Nullable
    Hold holdOf(Thread thread) {
        if (owner == thread && isHeld()) {
            return this;
        }
        ContendedState c = contendedIfAny();
        return c == null ? null : c.holdOf(thread);
    }
}
