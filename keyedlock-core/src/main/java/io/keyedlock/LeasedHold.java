// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A hold that stands on a permit from beyond this process. */
final class LeasedHold extends ExtraHold {

    final RemotePermit remote;

    LeasedHold(Entry entry, @Nullable Thread owner, RemotePermit remote) {
        super(entry, owner);
        this.remote = remote;
    }

    @Override
    public OptionalLong fencingToken() {
        return remote.fencingToken();
    }
}
