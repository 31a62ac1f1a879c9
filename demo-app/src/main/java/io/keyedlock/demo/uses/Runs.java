// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.uses;

import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;

/**
 * Runs uses, one at a time, because concurrent runs would distort the measurements. Stops the current run when the application
 * stops, before the drain waits for its locks. The state belongs to no window of the page, so all of them show the same.
 */
@Component
class Runs implements SmartLifecycle {

    private static final Logger log = LoggerFactory.getLogger(Runs.class);

    private final Map<String, Use> uses = new LinkedHashMap<>();

    /** The figures of the last run of each way, by use and way. Guarded by {@code this}. */
    private final Map<String, Map<String, List<Figure>>> results = new HashMap<>();

    /** The current run, or the last one if none is running. Guarded by {@code this}. */
    private @Nullable UseRun last;

    /** Whether runs are in progress. Between two of them the last one is done. Guarded by {@code this}. */
    private boolean busy;

    /** Created by each start, because a context may be restarted; null while stopped. Guarded by {@code this}. */
    private @Nullable ExecutorService executor;

    Runs(List<Use> uses) {
        uses.stream().sorted(Comparator.comparing(Use::id)).forEach(use -> this.uses.put(use.id(), use));
    }

    Map<String, Use> uses() {
        return uses;
    }

    /**
     * The state of all runs, which all windows of the page show.
     *
     * @param busy whether runs are in progress
     * @param run the current run, or the last one
     * @param results the figures of the last run of each way, by use and way
     */
    record State(boolean busy, @Nullable UseRun run, Map<String, Map<String, List<Figure>>> results) {}

    synchronized State state() {
        Map<String, Map<String, List<Figure>>> copy = new HashMap<>();
        results.forEach((use, ways) -> copy.put(use, Map.copyOf(ways)));
        return new State(busy, last, copy);
    }

    /** Starts runs of some ways in sequence. Returns empty if runs are in progress or the application stops. */
    synchronized Optional<UseRun> begin(Use use, List<String> ways) {
        if (executor == null || busy) {
            return Optional.empty();
        }
        busy = true;
        UseRun first = next(use, ways.get(0));
        executor.execute(() -> {
            try {
                run(use, ways);
            } finally {
                end();
            }
        });
        return Optional.of(first);
    }

    private synchronized UseRun next(Use use, String way) {
        long id = last == null ? 1 : last.id() + 1;
        last = new UseRun(id, use.id(), way, UseRun.State.RUNNING, 0, 0, List.of(), null);
        return last;
    }

    private synchronized void end() {
        busy = false;
    }

    private void run(Use use, List<String> ways) {
        try {
            for (String way : ways) {
                if (!way.equals(ways.get(0))) {
                    next(use, way);
                }
                keep(use, way, use.run(way, (done, of) -> change(run -> run.at(done, of))));
            }
        } catch (InterruptedException stopped) {
            change(run -> run.failed("The application stops"));
        } catch (RuntimeException failure) {
            log.warn("The run of {} failed", use.id(), failure);
            change(run -> run.failed(String.valueOf(failure.getMessage())));
        }
    }

    private synchronized void keep(Use use, String way, List<Figure> figures) {
        results.computeIfAbsent(use.id(), id -> new HashMap<>()).put(way, List.copyOf(figures));
        change(run -> run.ended(figures));
    }

    private synchronized void change(UnaryOperator<UseRun> change) {
        if (last != null) {
            last = change.apply(last);
        }
    }

    @Override
    public synchronized void start() {
        if (executor == null) {
            executor = Executors.newSingleThreadExecutor(task -> {
                Thread thread = new Thread(task, "use-run");
                thread.setDaemon(true);
                return thread;
            });
        }
    }

    @Override
    public synchronized void stop() {
        if (executor != null) {
            executor.shutdownNow();
            executor = null;
        }
    }

    @Override
    public synchronized boolean isRunning() {
        return executor != null;
    }
}
