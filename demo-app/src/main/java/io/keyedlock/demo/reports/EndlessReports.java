// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

import io.keyedlock.annotation.KeyedLock;
import java.util.concurrent.locks.LockSupport;
import org.springframework.context.annotation.Profile;
import org.springframework.stereotype.Service;

/** A report that never ends and ignores interrupts, to show that the application still stops. */
@Service
@Profile("ci")
public class EndlessReports {

    /**
     * Holds a permit of a tenant until the process ends.
     *
     * @param tenant the tenant
     */
    @KeyedLock(name = "tenants", key = "#tenant")
    public void write(String tenant) {
        while (true) {
            LockSupport.park(this);
            // Otherwise the interrupt flag would make the next park return immediately.
            Thread.interrupted();
        }
    }
}
