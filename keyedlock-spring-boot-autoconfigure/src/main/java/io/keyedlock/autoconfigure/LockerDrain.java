// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeySnapshot;
import io.keyedlock.KeyText;
import io.keyedlock.KeyedLocker;
import io.keyedlock.LockerOverview;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.support.ScopeNotActiveException;
import org.springframework.context.SmartLifecycle;

/**
 * Holds the end of the application until no key is held or awaited.
 *
 * <p>The wait has a thread of its own: the context calls all beans of a phase one after the other, and gives up on a phase
 * only after each of them has returned.
 *
 * <p>{@link #drain} names the thread that drains now. Whoever takes it out of there owns what follows: the thread itself
 * when it is done, which means that this has stopped, or {@link #start}, which means that it has not.
 *
 * <p>Whenever {@link #turn} is free: if no thread is named, nobody will refuse callers any more, and {@link #running} says which
 * of the two came last. So a thread refuses callers, or says that this has stopped, only while it finds itself named and holds
 * the lock. One that is named no more leaves all as it is: the start that came in between has the last word.
 */
final class LockerDrain implements SmartLifecycle {

    private static final Logger log = LoggerFactory.getLogger(LockerDrain.class);

    /** So many keys of a locker, and callers of a key, are told in the log. */
    private static final int MOST = 10;

    private final Supplier<? extends Map<String, KeyedLocker<?>>> lockers;
    private final KeyedLockProperties.Shutdown settings;
    private final boolean showKeys;
    private final Duration phaseTimeout;

    /** Held for a moment only, never while keys are awaited. */
    private final ReentrantLock turn = new ReentrantLock();

    /** Guarded by {@link #turn}. */
    private @Nullable Thread drain;

    /** Whether lockers that are made now are to refuse callers like all others. Guarded by {@link #turn}. */
    private boolean refusing;

    /** Written under {@link #turn}, read by anybody. */
    private volatile boolean running;

    /**
     * Makes the drain.
     *
     * @param lockers all lockers, asked at each pass
     * @param settings how long to wait, and where among the phases
     * @param showKeys whether the log may tell keys
     * @param phaseTimeout how long the context waits for a phase
     */
    LockerDrain(
            Supplier<? extends Map<String, KeyedLocker<?>>> lockers,
            KeyedLockProperties.Shutdown settings,
            boolean showKeys,
            Duration phaseTimeout) {
        this.lockers = lockers;
        this.settings = settings;
        this.showKeys = showKeys;
        this.phaseTimeout = phaseTimeout;
    }

    @Override
    public void start() {
        turn.lock();
        try {
            if (drain != null) {
                drain.interrupt();
                drain = null;
            }
            refusing = false;
            inScope().values().forEach(KeyedLocker::acceptNewCallers);
            running = true;
        } finally {
            turn.unlock();
        }
        if (settings.awaitIdle().compareTo(phaseTimeout) > 0) {
            log.warn(
                    "keyedlock.shutdown.await-idle is {}, but the application stops after"
                            + " spring.lifecycle.timeout-per-shutdown-phase, which is {}; make the latter longer",
                    settings.awaitIdle(),
                    phaseTimeout);
        }
    }

    @Override
    public void stop() {
        CountDownLatch stopped = new CountDownLatch(1);
        stop(stopped::countDown);
        try {
            stopped.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void stop(Runnable callback) {
        Thread thread = new Thread(() -> drain(callback), "keyedlock-drain");
        thread.setDaemon(true);
        turn.lock();
        try {
            drain = thread;
        } finally {
            turn.unlock();
        }
        thread.start();
    }

    @Override
    public boolean isRunning() {
        return running;
    }

    @Override
    public int getPhase() {
        return settings.phase();
    }

    private void drain(Runnable callback) {
        try {
            if (!awaitIdle() && log.isWarnEnabled()) {
                log.warn(
                        "Still held or awaited after {}; the application stops all the same:{}",
                        settings.awaitIdle(),
                        rest());
            }
        } catch (InterruptedException e) {
            // Started again meanwhile.
        } catch (RuntimeException | Error e) {
            log.warn("The wait for idle lockers failed; the application stops all the same", e);
        } finally {
            stopped();
            callback.run();
        }
    }

    private void stopped() {
        turn.lock();
        try {
            if (drain == Thread.currentThread()) {
                drain = null;
                running = false;
            }
        } finally {
            turn.unlock();
        }
    }

    private void refuse(List<KeyedLocker<?>> all) {
        turn.lock();
        try {
            if (drain == Thread.currentThread()) {
                refusing = true;
                all.forEach(locker -> locker.refuseNewCallers(all));
            }
        } finally {
            turn.unlock();
        }
    }

    /** To be called with each locker that is made, before anybody else can have it. */
    void admit(KeyedLocker<?> newcomer) {
        turn.lock();
        try {
            if (refusing) {
                List<KeyedLocker<?>> all = new ArrayList<>(inScope().values());
                all.add(newcomer);
                // All of them, as whoever holds a key of one may go on in each.
                all.forEach(locker -> locker.refuseNewCallers(all));
            }
        } finally {
            turn.unlock();
        }
    }

    /** All lockers, without what stands for those of a scope that is not active here, such as that of a session. */
    private Map<String, KeyedLocker<?>> inScope() {
        Map<String, KeyedLocker<?>> inScope = new TreeMap<>(lockers.get());
        inScope.values().removeIf(locker -> {
            try {
                locker.settings();
                return false;
            } catch (ScopeNotActiveException e) {
                return true;
            }
        });
        return inScope;
    }

    /** Passes over all lockers until one pass finds each of them idle: work in one may take keys of another. */
    private boolean awaitIdle() throws InterruptedException {
        long started = System.nanoTime();
        while (true) {
            boolean idle = true;
            List<KeyedLocker<?>> all = List.copyOf(inScope().values());
            if (settings.rejectNew()) {
                refuse(all);
            }
            for (KeyedLocker<?> locker : all) {
                if (!isIdle(locker)) {
                    idle = false;
                    Duration left = settings.awaitIdle().minusNanos(System.nanoTime() - started);
                    if (left.isNegative() || left.isZero() || !locker.awaitIdle(left)) {
                        return false;
                    }
                }
            }
            if (idle) {
                return true;
            }
        }
    }

    /** The count may miss a key that comes while another goes; only the locker knows for sure. */
    private static boolean isIdle(KeyedLocker<?> locker) {
        return locker.activeKeyCount() == 0 && !locker.whenIdle().cancel(false);
    }

    private String rest() {
        StringBuilder text = new StringBuilder();
        inScope().forEach((name, locker) -> describe(name, locker, text));
        return text.toString();
    }

    private <K> void describe(String name, KeyedLocker<K> locker, StringBuilder text) {
        LockerOverview<K> overview = locker.overview(MOST);
        for (LockerOverview.KeyFigures<K> figures : overview.keys()) {
            snapshot(locker, figures.key())
                    .ifPresent(key -> text.append("\n  ")
                            .append(
                                    showKeys && locker.settings().showKeys()
                                            ? "key '" + KeyText.inLine(key.key()) + "'"
                                            : "a key")
                            .append(" of '")
                            .append(name)
                            .append("': held by ")
                            .append(describe(key.holders()))
                            .append("; awaited by ")
                            .append(describe(key.waiters())));
        }
        if (overview.activeKeys() > overview.keys().size()) {
            text.append("\n  and ")
                    .append(overview.activeKeys() - overview.keys().size())
                    .append(" more keys of '")
                    .append(name)
                    .append('\'');
        }
    }

    /**
     * The key's state; looked for among all where the key's own code fails, or does not find it any more, so that one bad
     * key does not hide the others, nor itself.
     */
    private static <K> Optional<KeySnapshot<K>> snapshot(KeyedLocker<K> locker, K key) {
        try {
            Optional<KeySnapshot<K>> found = locker.snapshot(key);
            if (found.isPresent() || locker.findActiveKey(each -> each == key).isEmpty()) {
                return found;
            }
        } catch (RuntimeException | Error e) {
            // Its hash code or its equals has failed.
        }
        return locker.snapshot().stream().filter(each -> each.key() == key).findFirst();
    }

    private static String describe(List<KeySnapshot.Caller> callers) {
        if (callers.isEmpty()) {
            return "nobody";
        }
        Instant now = Instant.now();
        String first = callers.stream()
                .limit(MOST)
                .map(caller -> "'" + KeyText.inLine(caller.threadName()) + "' since "
                        + now.minus(caller.age()).truncatedTo(ChronoUnit.MILLIS) + " ("
                        + caller.age().truncatedTo(ChronoUnit.MILLIS) + ")")
                .collect(Collectors.joining(", "));
        return callers.size() > MOST ? first + " and " + (callers.size() - MOST) + " more" : first;
    }
}
