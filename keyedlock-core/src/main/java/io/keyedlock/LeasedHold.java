// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.OptionalLong;

/** A hold that stands on a permit from beyond this process. */
final class LeasedHold extends ExtraHold {

    final RemotePermit remote;

    LeasedHold(Entry entry, RemotePermit remote) {
        super(entry);
        this.remote = remote;
    }

    @Override
    public OptionalLong fencingToken() {
        return remote.fencingToken();
    }
}
