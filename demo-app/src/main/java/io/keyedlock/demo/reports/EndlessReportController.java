// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

import org.springframework.context.annotation.Profile;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** Starts a report that never ends, on its own thread. */
@RestController
@Profile("ci")
class EndlessReportController {

    private final EndlessReports reports;

    EndlessReportController(EndlessReports reports) {
        this.reports = reports;
    }

    @PostMapping("/tenants/{tenant}/endless-reports")
    @ResponseStatus(HttpStatus.ACCEPTED)
    void create(@PathVariable String tenant) {
        Thread thread = new Thread(() -> reports.write(tenant), "endless-report");
        thread.setDaemon(true);
        thread.start();
    }
}
