// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.uses;

import java.util.List;
import java.util.Optional;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** Lists the uses, starts runs, and returns their state. */
@RestController
class UseController {

    private final Runs runs;

    UseController(Runs runs) {
        this.runs = runs;
    }

    /** A use. */
    record UseView(String id, String conditions, List<Use.Way> ways) {}

    @GetMapping("/uses")
    List<UseView> uses() {
        return runs.uses().values().stream()
                .map(use -> new UseView(use.id(), use.conditions(), use.ways()))
                .toList();
    }

    @PostMapping("/uses/{id}/runs")
    @ResponseStatus(HttpStatus.ACCEPTED)
    UseRun begin(@PathVariable String id, @RequestParam List<String> way) {
        Use use = Optional.ofNullable(runs.uses().get(id))
                .orElseThrow(() -> new ResponseStatusException(
                        HttpStatus.NOT_FOUND,
                        "There is no use " + id + "; give one of " + runs.uses().keySet()));
        List<String> known = use.ways().stream().map(Use.Way::id).toList();
        if (way.isEmpty() || !known.containsAll(way)) {
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST, "way is " + way + "; give some of " + known);
        }
        return runs.begin(use, way)
                .orElseThrow(() -> new ResponseStatusException(
                        HttpStatus.CONFLICT, "Another run is in progress; wait until it has ended"));
    }

    @GetMapping("/uses/state")
    Runs.State state() {
        return runs.state();
    }
}
