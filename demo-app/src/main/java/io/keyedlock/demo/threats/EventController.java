// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.threats;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** Accepts security events and returns the score of an address. */
@RestController
class EventController {

    private final EventIntake intake;
    private final EventCounts counts;
    private final ThreatScores scores;

    EventController(EventIntake intake, EventCounts counts, ThreatScores scores) {
        this.intake = intake;
        this.counts = counts;
        this.scores = scores;
    }

    /** The body of a request, not yet validated. */
    record EventRequest(@Nullable String address, @Nullable Integer severity) {}

    @PostMapping("/events")
    EventIntake.Receipt accept(@RequestBody EventRequest request, @RequestParam(defaultValue = "true") boolean lock) {
        SecurityEvent event;
        try {
            event = SecurityEvent.of(request.address(), request.severity());
        } catch (IllegalArgumentException wrong) {
            throw badRequest(wrong);
        }
        return intake.accept(event, lock);
    }

    @GetMapping("/events/counts")
    EventCounts.Figures counts() {
        return counts.figures();
    }

    @GetMapping("/addresses")
    List<Threat> worst() {
        return scores.worst();
    }

    @GetMapping("/addresses/{address}")
    Threat find(@PathVariable String address) {
        String canonical;
        try {
            canonical = SecurityEvent.canonical(address);
        } catch (IllegalArgumentException wrong) {
            throw badRequest(wrong);
        }
        return scores.find(canonical)
                .orElseThrow(() -> new ResponseStatusException(
                        HttpStatus.NOT_FOUND, "No event has come from " + canonical + " so far"));
    }

    @ExceptionHandler
    ProblemDetail givenUp(TooManyConflictsException failure) {
        return ProblemDetail.forStatusAndDetail(HttpStatus.CONFLICT, String.valueOf(failure.getMessage()));
    }

    private static ResponseStatusException badRequest(IllegalArgumentException wrong) {
        return new ResponseStatusException(HttpStatus.BAD_REQUEST, wrong.getMessage(), wrong);
    }
}
