// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import io.keyedlock.KeyedLocker;
import io.keyedlock.actuate.KeyedLocksEndpoint;
import java.util.Map;
import java.util.Set;
import org.springframework.boot.actuate.endpoint.OperationResponseBody;
import org.springframework.boot.actuate.endpoint.Show;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/**
 * Shows the locker of the current batch in the format of the endpoint. The endpoint itself does not show it, because it exists
 * for one batch only.
 */
@RestController
class BatchController {

    private static final String NAME = "batch";

    private final KeyedLocksEndpoint endpoint;

    BatchController(StepBatches batches) {
        this.endpoint = new KeyedLocksEndpoint(
                () -> batches.current()
                        .<Map<String, KeyedLocker<String>>>map(locker -> Map.of(NAME, locker))
                        .orElse(Map.of()),
                Show.ALWAYS,
                Set.of());
    }

    @GetMapping("/batches/keyedlocks")
    KeyedLocksEndpoint.LockersDescriptor lockers() {
        return endpoint.lockers();
    }

    @GetMapping("/batches/keyedlocks/batch")
    ResponseEntity<OperationResponseBody> key(@RequestParam String key) {
        return ResponseEntity.ofNullable(endpoint.locker(NAME, key));
    }
}
