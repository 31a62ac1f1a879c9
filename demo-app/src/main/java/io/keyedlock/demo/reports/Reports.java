// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

import io.keyedlock.annotation.KeyedLock;
import java.time.Duration;
import org.springframework.stereotype.Service;

/**
 * Creates reports under the lock of their tenant. The limit is in {@code application.yml}, so that it applies to all methods
 * that use the locker.
 */
@Service
public class Reports {

    private final ReportWriter writer;

    Reports(ReportWriter writer) {
        this.writer = writer;
    }

    /**
     * Creates a report. Waits if the tenant has reached its limit.
     *
     * @param tenant the tenant
     * @param slowness the duration of the slow part
     * @return the report
     * @throws InterruptedException if the thread is interrupted
     */
    @KeyedLock(name = "tenants", key = "#tenant")
    public Report whenFree(String tenant, Duration slowness) throws InterruptedException {
        return writer.write(tenant, slowness);
    }

    /**
     * Creates a report. Fails immediately if the tenant has reached its limit.
     *
     * @param tenant the tenant
     * @param slowness the duration of the slow part
     * @return the report
     * @throws InterruptedException if the thread is interrupted
     */
    @KeyedLock(name = "tenants", key = "#tenant", policy = KeyedLock.Policy.REJECT)
    public Report atOnce(String tenant, Duration slowness) throws InterruptedException {
        return writer.write(tenant, slowness);
    }

    /**
     * Creates a report without a limit.
     *
     * @param tenant the tenant
     * @param slowness the duration of the slow part
     * @return the report
     * @throws InterruptedException if the thread is interrupted
     */
    public Report withoutLimit(String tenant, Duration slowness) throws InterruptedException {
        return writer.write(tenant, slowness);
    }
}
