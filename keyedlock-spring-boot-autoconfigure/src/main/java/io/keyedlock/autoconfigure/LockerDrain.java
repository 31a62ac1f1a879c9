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
 * Delays the end of the application until no key is held or waited for.
 *
 * <p>The wait has its own thread, because the context stops the beans of a phase sequentially and applies the phase
 * timeout only after each of these calls has returned.
 *
 * <p>{@link #drainThread} is the thread that drains now. It is cleared either by that thread when it is done, which sets
 * {@link #running} to false, or by {@link #start}, which sets it to true.
 *
 * <p>Invariant: a thread makes lockers reject callers, or sets {@code running} to false, only while it holds {@link #lock} and
 * is {@code drainThread}. So a thread that was replaced changes nothing, and a start during the drain takes precedence.
 */
final class LockerDrain implements SmartLifecycle {

    private static final Logger log = LoggerFactory.getLogger(LockerDrain.class);

    /** The maximum number of keys of a locker, and of callers of a key, in the log. */
    private static final int MAX_LISTED = 10;

    private final Supplier<? extends Map<String, KeyedLocker<?>>> lockers;
    private final KeyedLockProperties.Shutdown settings;
    private final boolean showKeys;
    private final Duration phaseTimeout;

    /** Held briefly, never while waiting for lockers to become idle. */
    private final ReentrantLock lock = new ReentrantLock();

    /** The thread that drains now, or null. Guarded by {@code lock}. */
    private @Nullable Thread drainThread;

    /** Whether lockers created now must reject callers like the others. Guarded by {@code lock}. */
    private boolean rejecting;

    /** Writes are guarded by {@code lock}; reads are not. */
    private volatile boolean running;

    /**
     * Creates the drain.
     *
     * @param lockers supplies all lockers; called for each pass
     * @param settings the properties of the drain
     * @param showKeys whether keys may be logged
     * @param phaseTimeout the context's timeout per shutdown phase
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
        lock.lock();
        try {
            if (drainThread != null) {
                drainThread.interrupt();
                drainThread = null;
            }
            rejecting = false;
            inScope().values().forEach(KeyedLocker::acceptNewCallers);
            running = true;
        } finally {
            lock.unlock();
        }
        if (settings.awaitIdle().compareTo(phaseTimeout) > 0) {
            log.warn(
                    "keyedlock.shutdown.await-idle is {}, but the application stops after"
                            + " spring.lifecycle.timeout-per-shutdown-phase, which is {}; increase the latter",
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
        lock.lock();
        try {
            drainThread = thread;
        } finally {
            lock.unlock();
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
                        "Keys are still in use after {}; the application stops anyway:{}",
                        settings.awaitIdle(),
                        describeActiveKeys());
            }
        } catch (InterruptedException e) {
            // Started again during the drain.
        } catch (RuntimeException | Error e) {
            log.warn("The wait for idle lockers failed; the application stops anyway", e);
        } finally {
            stopped();
            callback.run();
        }
    }

    private void stopped() {
        lock.lock();
        try {
            if (drainThread == Thread.currentThread()) {
                drainThread = null;
                running = false;
            }
        } finally {
            lock.unlock();
        }
    }

    private void rejectCallers(List<KeyedLocker<?>> all) {
        lock.lock();
        try {
            if (drainThread == Thread.currentThread()) {
                rejecting = true;
                all.forEach(locker -> locker.rejectNewCallers(all));
            }
        } finally {
            lock.unlock();
        }
    }

    /** Must be called with each new locker before it is published. */
    void admit(KeyedLocker<?> newcomer) {
        lock.lock();
        try {
            if (rejecting) {
                List<KeyedLocker<?>> all = new ArrayList<>(inScope().values());
                all.add(newcomer);
                // Each locker must know all others: a holder of a key of one may still acquire in each.
                all.forEach(locker -> locker.rejectNewCallers(all));
            }
        } finally {
            lock.unlock();
        }
    }

    /** Returns all lockers except scoped proxies whose scope is not active on this thread, such as a session. */
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

    /** Waits until one pass over all lockers finds each of them idle, because holders in one may acquire keys of another. */
    private boolean awaitIdle() throws InterruptedException {
        long started = System.nanoTime();
        while (true) {
            boolean idle = true;
            List<KeyedLocker<?>> all = List.copyOf(inScope().values());
            if (settings.rejectNew()) {
                rejectCallers(all);
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

    /** Asks the locker too, because the count may miss a key that is added while another is removed. */
    private static boolean isIdle(KeyedLocker<?> locker) {
        return locker.activeKeyCount() == 0 && !locker.whenIdle().cancel(false);
    }

    private String describeActiveKeys() {
        StringBuilder text = new StringBuilder();
        inScope().forEach((name, locker) -> describe(name, locker, text));
        return text.toString();
    }

    private <K> void describe(String name, KeyedLocker<K> locker, StringBuilder text) {
        LockerOverview<K> overview = locker.overview(MAX_LISTED);
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
     * Returns the key's state. Scans all active keys if the lookup fails because the key's {@code hashCode} or {@code equals}
     * throws or has changed its result, so that one faulty key hides neither the others nor itself.
     */
    private static <K> Optional<KeySnapshot<K>> snapshot(KeyedLocker<K> locker, K key) {
        try {
            Optional<KeySnapshot<K>> found = locker.snapshot(key);
            if (found.isPresent() || locker.findActiveKey(each -> each == key).isEmpty()) {
                return found;
            }
        } catch (RuntimeException | Error e) {
            // The key's hashCode or equals has failed.
        }
        return locker.snapshot().stream().filter(each -> each.key() == key).findFirst();
    }

    private static String describe(List<KeySnapshot.Caller> callers) {
        if (callers.isEmpty()) {
            return "nobody";
        }
        Instant now = Instant.now();
        String first = callers.stream()
                .limit(MAX_LISTED)
                .map(caller -> "'" + KeyText.inLine(caller.threadName()) + "' since "
                        + now.minus(caller.age()).truncatedTo(ChronoUnit.MILLIS) + " ("
                        + caller.age().truncatedTo(ChronoUnit.MILLIS) + ")")
                .collect(Collectors.joining(", "));
        return callers.size() > MAX_LISTED ? first + " and " + (callers.size() - MAX_LISTED) + " more" : first;
    }
}
