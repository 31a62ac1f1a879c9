// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

import io.keyedlock.demo.threats.ThreatScores;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.springframework.stereotype.Component;

/** Writes reports. That is slow work, which is why a tenant may not have too much of it at once. */
@Component
public class ReportWriter {

    private final ThreatScores scores;
    private final ConcurrentMap<String, Integer> inWork = new ConcurrentHashMap<>();

    /**
     * Makes a writer.
     *
     * @param scores what reports are about
     */
    public ReportWriter(ThreatScores scores) {
        this.scores = scores;
    }

    /**
     * Writes a report. Holds no database connection during the slow part.
     *
     * @param tenant whose report
     * @param slowness how long the slow part takes, which stands for rendering
     * @return the report
     * @throws InterruptedException if the thread is interrupted meanwhile
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
     * The slow part.
     *
     * @param tenant whose report
     * @param slowness how long it takes
     * @throws InterruptedException if the thread is interrupted meanwhile
     */
    protected void render(String tenant, Duration slowness) throws InterruptedException {
        Thread.sleep(slowness.toMillis());
    }
}
