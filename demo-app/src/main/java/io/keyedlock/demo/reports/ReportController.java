// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

import java.time.Duration;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** Creates reports. If a tenant has three reports in progress, a further request waits, or gets 429 if it asks not to wait. */
@RestController
class ReportController {

    private static final long MAX_MILLIS = 60_000;

    private final Reports reports;

    ReportController(Reports reports) {
        this.reports = reports;
    }

    @PostMapping("/tenants/{tenant}/reports")
    Report create(
            @PathVariable String tenant,
            @RequestParam(defaultValue = "true") boolean wait,
            @RequestParam(defaultValue = "250") long millis)
            throws InterruptedException {
        if (millis < 0 || millis > MAX_MILLIS) {
            throw new ResponseStatusException(
                    HttpStatus.BAD_REQUEST, "millis is " + millis + "; give 0 to " + MAX_MILLIS);
        }
        Duration slowness = Duration.ofMillis(millis);
        return wait ? reports.whenFree(tenant, slowness) : reports.atOnce(tenant, slowness);
    }
}
