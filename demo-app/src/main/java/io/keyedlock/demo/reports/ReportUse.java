// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

import io.keyedlock.LockRejectedException;
import io.keyedlock.demo.uses.Figure;
import io.keyedlock.demo.uses.Progress;
import io.keyedlock.demo.uses.Use;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.stereotype.Component;

/** Use 3 on the page: many concurrent reports of few tenants. */
@Component
class ReportUse implements Use {

    private static final List<String> TENANTS = List.of("globex", "initech", "umbrella");
    private static final int REPORTS_EACH = 12;
    private static final Duration SLOWNESS = Duration.ofMillis(1500);

    private static final String WAIT = "wait";
    private static final String REJECT = "reject";

    private final Reports reports;

    ReportUse(Reports reports) {
        this.reports = reports;
    }

    @Override
    public String id() {
        return "reports";
    }

    @Override
    public String conditions() {
        return REPORTS_EACH + " reports of " + SLOWNESS.toMillis() + " ms for each of " + TENANTS.size()
                + " tenants, all asked for at once.";
    }

    @Override
    public List<Way> ways() {
        return List.of(
                new Way("no-lock", "Without the lock", false),
                new Way(WAIT, "The fourth waits", true),
                new Way(REJECT, "The fourth gets 429", true));
    }

    @Override
    public List<Figure> run(String way, Progress progress) throws InterruptedException {
        Run run = new Run(way, progress);
        int all = TENANTS.size() * REPORTS_EACH;
        ThreadFactory threads = task -> {
            Thread thread = new Thread(task);
            thread.setName("report-" + thread.getId());
            thread.setDaemon(true);
            return thread;
        };
        ExecutorService executor = Executors.newFixedThreadPool(all, threads);
        long begin = System.nanoTime();
        try {
            List<Future<?>> calls = new ArrayList<>();
            for (int n = 0; n < all; n++) {
                String tenant = TENANTS.get(n % TENANTS.size());
                calls.add(executor.submit(() -> run.report(tenant)));
            }
            for (Future<?> call : calls) {
                call.get();
            }
        } catch (ExecutionException failure) {
            Throwable cause = Objects.requireNonNull(failure.getCause());
            throw new IllegalStateException("A report failed: " + cause.getMessage(), cause);
        } finally {
            executor.shutdownNow();
        }
        return List.of(
                Figure.count("Most at once per tenant", run.most.get()),
                Figure.count("Turned away", run.turnedAway.get()),
                Figure.millis("Time", (System.nanoTime() - begin) / 1e6));
    }

    private final class Run {

        private final String way;
        private final Progress progress;
        private final AtomicInteger most = new AtomicInteger();
        private final AtomicInteger turnedAway = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();

        Run(String way, Progress progress) {
            this.way = way;
            this.progress = progress;
        }

        Void report(String tenant) throws InterruptedException {
            try {
                Report report = switch (way) {
                    case WAIT -> reports.whenFree(tenant, SLOWNESS);
                    case REJECT -> reports.atOnce(tenant, SLOWNESS);
                    default -> reports.withoutLimit(tenant, SLOWNESS);
                };
                most.accumulateAndGet(report.inWork(), Math::max);
            } catch (LockRejectedException rejected) {
                turnedAway.incrementAndGet();
            }
            progress.done(done.incrementAndGet(), TENANTS.size() * REPORTS_EACH);
            return null;
        }
    }
}
