// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.page;

import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** Returns the meters for the page's chart in one response instead of a dozen. */
@RestController
class TotalsController {

    private final MeterRegistry meters;

    TotalsController(MeterRegistry meters) {
        this.meters = meters;
    }

    /**
     * The counts of all lockers since the start.
     *
     * @param acquired acquisitions that got a permit
     * @param waited waits longer than zero, whatever their outcome
     * @param rejected acquisitions that got no permit
     * @param waitedMillis the total time of those waits
     */
    record Totals(double acquired, double waited, double rejected, double waitedMillis) {}

    @GetMapping("/totals")
    Totals totals() {
        List<Timer> waits = List.copyOf(meters.find("keyedlock.wait").timers());
        return new Totals(
                acquisitions("acquired"::equals),
                waits.stream().mapToDouble(Timer::count).sum(),
                acquisitions(outcome -> !outcome.equals("acquired")),
                waits.stream()
                        .mapToDouble(wait -> wait.totalTime(TimeUnit.MILLISECONDS))
                        .sum());
    }

    private double acquisitions(Predicate<String> outcome) {
        return meters.find("keyedlock.acquire").tag("outcome", outcome).functionTimers().stream()
                .mapToDouble(FunctionTimer::count)
                .sum();
    }
}
