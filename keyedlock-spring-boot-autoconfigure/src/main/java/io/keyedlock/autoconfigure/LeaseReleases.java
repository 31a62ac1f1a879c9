// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.lease.LeaseSettings;
import io.keyedlock.lease.Leases;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.context.SmartLifecycle;

/** Waits at shutdown until the backend has confirmed the last releases, before the connections stop. */
final class LeaseReleases implements SmartLifecycle {

    /** Connection factories stop in phase 0; higher phases stop earlier. */
    private static final int BEFORE_CONNECTIONS = 1;

    private final Supplier<@Nullable Leases> leases;

    private volatile boolean running;

    LeaseReleases(Supplier<@Nullable Leases> leases) {
        this.leases = leases;
    }

    @Override
    public void start() {
        running = true;
    }

    @Override
    public void stop() {
        running = false;
        Leases created = leases.get();
        if (created != null) {
            created.awaitReleases(LeaseSettings.defaults().backendTimeout());
        }
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    @Override
    public int getPhase() {
        return BEFORE_CONNECTIONS;
    }
}
