// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.OptionalLong;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** A hold whose permit comes from a backend. */
final class LeasedHold extends ExtraHold {

    /** Null until the waiter for which this was made is granted its permit. */
    @Nullable
    BackendRequest remote;

    LeasedHold(Entry entry, @Nullable Thread owner) {
        super(entry, owner);
    }

    @Override
    public OptionalLong fencingToken() {
        return remote == null ? OptionalLong.empty() : remote.fencingToken();
    }

    @Override
    public boolean isValid() {
        return remote == null || remote.isValid();
    }

    @Override
    public void checkValid() {
        if (!isValid()) {
            throw Messages.leaseLost(entry());
        }
    }

    @Override
    public CompletionStage<Void> whenLost() {
        return remote == null ? super.whenLost() : remote.whenLost();
    }
}
