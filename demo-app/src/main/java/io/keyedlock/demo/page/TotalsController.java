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

/** The meters from which the page draws its chart, in one answer instead of a dozen. */
@RestController
class TotalsController {

    private final MeterRegistry meters;

    TotalsController(MeterRegistry meters) {
        this.meters = meters;
    }

    /**
     * Counts since the start, over all lockers.
     *
     * @param acquired acquisitions that were given a permit
     * @param waited waits that were not zero, however they ended
     * @param rejected acquisitions that were not given a permit
     * @param waitedMillis the time of those waits
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
