// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import org.jspecify.annotations.Nullable;

/** A hold other than the one with which its entry began. */
sealed class ExtraHold extends Hold permits LeasedHold {

    private final Entry entry;

    private long since;

    /** Neighbours in {@link Crowd}'s list of holds. Guarded by the stripe. */
    @Nullable
    ExtraHold older;

    @Nullable
    ExtraHold newer;

    ExtraHold(Entry entry, @Nullable Thread owner) {
        super(owner, true);
        this.entry = entry;
    }

    @Override
    public final void close() {
        entry.stripe.giveBack(this, null);
    }

    @Override
    final Entry entry() {
        return entry;
    }

    @Override
    final long since() {
        return since;
    }

    @Override
    final void setSince(long time) {
        since = time;
    }
}
