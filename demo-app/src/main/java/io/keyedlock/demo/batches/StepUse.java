// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import io.keyedlock.demo.uses.Figure;
import io.keyedlock.demo.uses.Progress;
import io.keyedlock.demo.uses.Use;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.springframework.stereotype.Component;

/** Use 2 on the page. */
@Component
class StepUse implements Use {

    private final StepRuns runs;
    private final BatchProperties properties;
    private final StepSource source;

    StepUse(StepRuns runs, BatchProperties properties, StepSource source) {
        this.runs = runs;
        this.properties = properties;
        this.source = source;
    }

    @Override
    public String id() {
        return "batches";
    }

    @Override
    public String conditions() {
        return String.format(
                Locale.ROOT,
                "%,d messages for %d orders in batches of up to %d, from %s; %d threads.",
                properties.messages(),
                properties.orders(),
                properties.size(),
                source.description(),
                properties.threads());
    }

    @Override
    public List<Way> ways() {
        return Arrays.stream(BatchWay.values())
                .map(way -> new Way(way.name(), capitalized(way.label()), way == BatchWay.IN_ORDER))
                .toList();
    }

    @Override
    public List<Figure> run(String way, Progress progress) throws InterruptedException {
        StepCheck check = runs.run(properties.messages(), BatchWay.valueOf(way), progress);
        return List.of(
                Figure.millis("Time", (double) check.millis()),
                Figure.count("Out of order", check.outOfOrder()),
                Figure.count("Lost", check.lost()));
    }

    private static String capitalized(String text) {
        return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
    }
}
