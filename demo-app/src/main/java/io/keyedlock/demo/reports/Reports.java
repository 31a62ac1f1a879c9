// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

import io.keyedlock.annotation.KeyedLock;
import java.time.Duration;
import org.springframework.stereotype.Service;

/**
 * Reports under the lock of their tenant. The limit stands in {@code application.yml}, as one limit holds for the tenant
 * whichever way its callers come.
 */
@Service
public class Reports {

    private final ReportWriter writer;

    Reports(ReportWriter writer) {
        this.writer = writer;
    }

    /**
     * Makes a report; waits if the tenant has as many in work as it may.
     *
     * @param tenant whose report
     * @param slowness how long the slow part takes
     * @return the report
     * @throws InterruptedException if the thread is interrupted meanwhile
     */
    @KeyedLock(name = "tenants", key = "#tenant")
    public Report whenFree(String tenant, Duration slowness) throws InterruptedException {
        return writer.write(tenant, slowness);
    }

    /**
     * Makes a report; is turned away if the tenant has as many in work as it may.
     *
     * @param tenant whose report
     * @param slowness how long the slow part takes
     * @return the report
     * @throws InterruptedException if the thread is interrupted meanwhile
     */
    @KeyedLock(name = "tenants", key = "#tenant", policy = KeyedLock.Policy.REJECT)
    public Report atOnce(String tenant, Duration slowness) throws InterruptedException {
        return writer.write(tenant, slowness);
    }

    /**
     * Makes a report, however many the tenant has in work.
     *
     * @param tenant whose report
     * @param slowness how long the slow part takes
     * @return the report
     * @throws InterruptedException if the thread is interrupted meanwhile
     */
    public Report withoutLimit(String tenant, Duration slowness) throws InterruptedException {
        return writer.write(tenant, slowness);
    }
}
