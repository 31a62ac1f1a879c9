// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A hold whose permit comes from a backend. */
final class LeasedHold extends ExtraHold {

    /** Null until the waiter for which this was made is granted its permit. */
    @Nullable
    RemotePermit remote;

    LeasedHold(Entry entry, @Nullable Thread owner) {
        super(entry, owner);
    }

    @Override
    public OptionalLong fencingToken() {
        return remote == null ? OptionalLong.empty() : remote.fencingToken();
    }
}
