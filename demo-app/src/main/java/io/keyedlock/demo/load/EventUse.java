// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.load;

import io.keyedlock.demo.uses.Figure;
import io.keyedlock.demo.uses.Progress;
import io.keyedlock.demo.uses.Use;
import java.util.List;
import java.util.Locale;
import org.springframework.stereotype.Component;

/** Use 1 on the page: the load command with more events, so that the locks can be watched for some seconds. */
@Component
class EventUse implements Use {

    private static final String LOCK = "lock";

    private static final int TIMES = 6;

    private final EventLoad load;
    private final LoadPlan plan;
    private final Database database;

    EventUse(EventLoad load, LoadPlan plan, Database database) {
        this.load = load;
        this.plan = new LoadPlan(TIMES * plan.events(), plan.addresses(), plan.threads());
        this.database = database;
    }

    @Override
    public String id() {
        return "events";
    }

    @Override
    public String conditions() {
        return String.format(
                Locale.ROOT,
                "%,d events on %d addresses by %d threads, in %s.",
                plan.events(),
                plan.addresses(),
                plan.threads(),
                database.description());
    }

    @Override
    public List<Way> ways() {
        return List.of(new Way("no-lock", "Without the lock", false), new Way(LOCK, "With the lock", true));
    }

    @Override
    public List<Figure> run(String way, Progress progress) throws InterruptedException {
        LoadResult result = load.run(plan, way.equals(LOCK), done -> progress.done(done, plan.events()));
        return List.of(
                Figure.millis("Time", (double) result.time().toMillis()),
                Figure.count("Conflicts", result.conflicts()),
                Figure.millis("p50", result.median().toNanos() / 1e6),
                Figure.millis("p99", result.p99().toNanos() / 1e6),
                Figure.count("Lost updates", result.lostUpdates()));
    }
}
