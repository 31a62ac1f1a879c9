// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

import io.keyedlock.demo.threats.ThreatScores;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.springframework.stereotype.Component;

/** Writes reports. This is slow, so the number of concurrent reports per tenant is limited. */
@Component
public class ReportWriter {

    private final ThreatScores scores;
    private final ConcurrentMap<String, Integer> inWork = new ConcurrentHashMap<>();

    /**
     * Creates a writer.
     *
     * @param scores the scores to report
     */
    public ReportWriter(ThreatScores scores) {
        this.scores = scores;
    }

    /**
     * Writes a report. Holds no database connection during the slow part.
     *
     * @param tenant the tenant
     * @param slowness the duration of the slow part, which simulates rendering
     * @return the report
     * @throws InterruptedException if the thread is interrupted
     */
    public Report write(String tenant, Duration slowness) throws InterruptedException {
        int now = inWork.merge(tenant, 1, Integer::sum);
        try {
            render(tenant, slowness);
            return new Report(tenant, scores.known(), scores.blocked(), now);
        } finally {
            inWork.computeIfPresent(tenant, (same, count) -> count == 1 ? null : count - 1);
        }
    }

    /**
     * Simulates the slow part.
     *
     * @param tenant the tenant
     * @param slowness its duration
     * @throws InterruptedException if the thread is interrupted
     */
    protected void render(String tenant, Duration slowness) throws InterruptedException {
        Thread.sleep(slowness.toMillis());
    }
}
