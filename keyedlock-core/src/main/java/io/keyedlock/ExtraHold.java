// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/** A hold other than the entry itself. */
sealed class ExtraHold extends Hold permits LeasedHold {

    private final Entry entry;

    /** The neighbours in {@link ContendedState}'s list of holds. Guarded by the stripe's lock. */
    @Nullable
    ExtraHold older;

    @Nullable
    ExtraHold newer;

    ExtraHold(Entry entry, @Nullable Thread owner) {
        super(owner, true, 0);
        this.entry = entry;
    }

    @Override
    public final void close() {
        entry.stripe.release(this, null);
    }

    @Override
    final Entry entry() {
        return entry;
    }
}
