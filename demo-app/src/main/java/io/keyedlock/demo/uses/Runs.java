// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.uses;

import java.util.Comparator;
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
 * stops, before the drain waits for its locks.
 */
@Component
class Runs implements SmartLifecycle {

    private static final Logger log = LoggerFactory.getLogger(Runs.class);

    private final Map<String, Use> uses = new LinkedHashMap<>();

    /** The current run, or the last one if none is running. Guarded by {@code this}. */
    private @Nullable UseRun last;

    /** Created by each start, because a context may be restarted; null while stopped. Guarded by {@code this}. */
    private @Nullable ExecutorService executor;

    Runs(List<Use> uses) {
        uses.stream().sorted(Comparator.comparing(Use::id)).forEach(use -> this.uses.put(use.id(), use));
    }

    Map<String, Use> uses() {
        return uses;
    }

    synchronized Optional<UseRun> last() {
        return Optional.ofNullable(last);
    }

    /** Starts a run. Returns empty if another run is in progress or the application stops. */
    synchronized Optional<UseRun> begin(Use use, String way) {
        if (executor == null || (last != null && last.state() == UseRun.State.RUNNING)) {
            return Optional.empty();
        }
        long id = last == null ? 1 : last.id() + 1;
        last = new UseRun(id, use.id(), way, UseRun.State.RUNNING, 0, 0, List.of(), null);
        executor.execute(() -> run(use, way));
        return Optional.of(last);
    }

    private void run(Use use, String way) {
        try {
            List<Figure> figures = use.run(way, (done, of) -> change(run -> run.at(done, of)));
            change(run -> run.ended(figures));
        } catch (InterruptedException stopped) {
            change(run -> run.failed("The application stops"));
        } catch (RuntimeException failure) {
            log.warn("The run of {} failed", use.id(), failure);
            change(run -> run.failed(String.valueOf(failure.getMessage())));
        }
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
