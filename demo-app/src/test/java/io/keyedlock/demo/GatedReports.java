// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo;

import io.keyedlock.demo.reports.Report;
import io.keyedlock.demo.reports.ReportWriter;
import io.keyedlock.demo.threats.ThreatScores;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Primary;

/** Reports that stay in progress until the test opens the gate, and that count running reports. */
@TestConfiguration(proxyBeanMethods = false)
class GatedReports {

    @Bean
    @Primary
    Writer gatedReportWriter(ThreatScores scores) {
        return new Writer(scores);
    }

    static class Writer extends ReportWriter {

        private final Map<String, AtomicInteger> writing = new ConcurrentHashMap<>();
        private final Map<String, AtomicInteger> inside = new ConcurrentHashMap<>();
        private final Map<String, AtomicInteger> peak = new ConcurrentHashMap<>();
        private volatile CountDownLatch gate = new CountDownLatch(0);

        Writer(ThreatScores scores) {
            super(scores);
        }

        @Override
        public Report write(String tenant, Duration slowness) throws InterruptedException {
            AtomicInteger callers = writing.computeIfAbsent(tenant, t -> new AtomicInteger());
            int now = callers.incrementAndGet();
            peak.computeIfAbsent(tenant, t -> new AtomicInteger()).accumulateAndGet(now, Math::max);
            try {
                return super.write(tenant, slowness);
            } finally {
                callers.decrementAndGet();
            }
        }

        @Override
        protected void render(String tenant, Duration slowness) throws InterruptedException {
            AtomicInteger callers = inside.computeIfAbsent(tenant, t -> new AtomicInteger());
            callers.incrementAndGet();
            try {
                gate.await();
            } finally {
                callers.decrementAndGet();
            }
        }

        void closeGate() {
            gate = new CountDownLatch(1);
        }

        void openGate() {
            gate.countDown();
        }

        /** Returns the number of started reports, already counted by the demo, that wait for the gate. */
        int inside(String tenant) {
            return inside.getOrDefault(tenant, new AtomicInteger()).get();
        }

        int peak(String tenant) {
            return peak.getOrDefault(tenant, new AtomicInteger()).get();
        }
    }
}
