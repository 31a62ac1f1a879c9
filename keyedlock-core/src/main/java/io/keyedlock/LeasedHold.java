// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.OptionalLong;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** A hold whose permit comes from a backend. */
final class LeasedHold extends ExtraHold {

    /** The request that brought the lease. Null until the permit is granted. Guarded by the stripe's lock. */
    @Nullable
    BackendRequest request;

    LeasedHold(Entry entry, @Nullable Thread owner) {
        super(entry, owner);
    }

    @Override
    public OptionalLong fencingToken() {
        return request == null ? OptionalLong.empty() : request.fencingToken();
    }

    @Override
    public boolean isValid() {
        return request == null || request.isValid();
    }

    @Override
    public void checkValid() {
        if (!isValid()) {
            throw Messages.leaseLost(entry());
        }
    }

    @Override
    public CompletionStage<Void> whenLost() {
        return request == null ? super.whenLost() : request.whenLost();
    }
}
