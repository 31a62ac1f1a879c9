// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.reports;

import org.springframework.context.annotation.Profile;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** Shows and changes how many reports of a tenant may be in progress at once. The page uses it where it exists. */
@RestController
@Profile("limits")
class TenantLimitController {

    private static final int MAX = 1_000;

    private final TenantLimits limits;

    TenantLimitController(TenantLimits limits) {
        this.limits = limits;
    }

    @GetMapping("/tenants/{tenant}/limit")
    Limit show(@PathVariable String tenant) {
        return new Limit(limits.of(tenant));
    }

    @PutMapping("/tenants/{tenant}/limit")
    Limit change(@PathVariable String tenant, @RequestBody Limit wanted) {
        if (wanted.limit() < 1 || wanted.limit() > MAX) {
            throw new ResponseStatusException(
                    HttpStatus.BAD_REQUEST, "limit is " + wanted.limit() + "; give 1 to " + MAX);
        }
        limits.change(tenant, wanted.limit());
        return show(tenant);
    }

    /**
     * How many reports of a tenant may be in progress at once.
     *
     * @param limit the limit
     */
    record Limit(int limit) {}
}
