// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The background scan of one locker: records the start of new holds, reports those that last too long, and finds out whether a
 * wait is so long that a deadlock search is worthwhile. Acquiring threads read no clock for this; the first one only sees that
 * the scan is stopped and starts it. Refers to its locker weakly, because the scan refers to this.
 *
 * <p><b>Invariant: an active locker is scanned.</b> The scan is stopped if the locker is not in {@link Scanner#LOCKERS} and its
 * "stopped" flag is set.
 *
 * <ul>
 *   <li>{@link #start()} adds the locker, then clears the flag, then checks whether the locker is still in the set. If not, it
 *       sets the flag again and starts over if any key is active.
 *   <li>{@link #stop()} removes the locker and then sets the flag. A caller that stops the scan because no key seemed active
 *       then checks every stripe under its lock, and starts the scan if a key is active. An acquisition reads the flag under
 *       the lock of its stripe or after that, so either the check sees the entry, or the acquisition sees the flag and starts the scan.
 * </ul>
 *
 * <p>A cleared flag without the locker in the set is therefore corrected by the thread that did its second step last. A set
 * flag with the locker in the set does no harm: the next caller only starts a running scan. So whatever is thrown in between,
 * the flag stays set or the locker stays in the set.
 */
final class LockerScan extends WeakReference<Engine> {

    /**
     * The least time between two scans, for each key that the first one looks at. Looking at a key takes about a quarter of a
     * microsecond if there are many, so scans take less than one percent of one processor.
     */
    static final long PAUSE_PER_KEY = 30_000;

    /** The longest time between two scans of stripes with waiters, so that deadlocks are found soon. */
    private static final long LONGEST_PAUSE = 2 * Scanner.LONGEST_INTERVAL;

    /** The time after which a hold is reported; {@link Long#MAX_VALUE} if none is. */
    private final long longHold;

    /** The time between two scans of this locker. */
    final long interval;

    /** When to scan next, by {@link System#nanoTime()}. */
    volatile long due;

    /** When to scan all stripes next. Until then only stripes with waiters are scanned. Used by the scanner only. */
    long allDue = System.nanoTime();

    /** Set while long holds are being reported, which may take long because listeners are called. */
    private final AtomicBoolean reporting = new AtomicBoolean();

    private LockerScan(Engine locker, long longHold) {
        super(locker, Scanner.DROPPED);
        this.longHold = longHold;
        this.interval = Math.max(Scanner.SHORTEST_INTERVAL, Math.min(Scanner.LONGEST_INTERVAL, longHold / 4));
    }

    /** Returns the scan of a locker, or null if its settings need none. */
    static @Nullable LockerScan of(Engine locker) {
        KeyedLockerSettings settings = locker.settings;
        boolean reports = !settings.longHold().isZero();
        return reports || settings.deadlockDetection() != KeyedLockerSettings.DeadlockDetection.OFF
                ? new LockerScan(locker, reports ? DefaultKeyedLocker.nanos(settings.longHold()) : Long.MAX_VALUE)
                : null;
    }

    /**
     * Starts the scan. Called with no lock held. Does not fail, because the caller may hold a permit: if no thread can be
     * started, the scan stays stopped, and the next caller tries again.
     */
    void start() {
        Engine locker = get();
        if (locker == null) {
            return;
        }
        try {
            do {
                if (!Scanner.LOCKERS.contains(this)) {
                    due = System.nanoTime() + interval;
                }
                Scanner.add(this);
                locker.markScanRunning();
                if (Scanner.LOCKERS.contains(this)) {
                    return;
                }
                locker.markScanStopped();
            } while (!locker.stripes.looksIdle());
        } catch (Throwable e) {
            locker.markScanStopped();
            Messages.warn(
                    locker.settings, "The scan of locker '" + locker.settings.name() + "' could not be started", e);
        }
    }

    /** Stops the scan, so that the next caller starts it again. */
    void stop() {
        Scanner.LOCKERS.remove(this);
        Engine locker = get();
        if (locker != null) {
            locker.markScanStopped();
        }
    }

    /**
     * Scans the locker once. Between full scans, only stripes with waiters are scanned. Returns whether a deadlock search is
     * worthwhile. Throws nothing.
     */
    boolean scan() {
        long begin = System.nanoTime();
        due = begin + interval;
        Engine locker = get();
        if (locker == null) {
            Scanner.LOCKERS.remove(this);
            return false;
        }
        try {
            Pass pass = new Pass(locker, begin - allDue >= 0);
            locker.stripes.all().forEach(pass::scan);
            due = begin + Math.max(interval, Math.min(LONGEST_PAUSE, PAUSE_PER_KEY * pass.scannedKeys));
            long next = begin + Math.max(interval, PAUSE_PER_KEY * pass.activeKeys);
            if (pass.all || next - allDue < 0) {
                allDue = next;
            }
            report(locker, pass.longHolds);
            if (pass.activeKeys == 0) {
                stop();
                if (!locker.stripes.looksIdle()) {
                    start();
                }
            }
            return pass.suspicious;
        } catch (Throwable e) {
            warn(locker, "The scan of locker '" + locker.settings.name() + "' failed and will be repeated", e);
            return true;
        }
    }

    /** Logs from a thread that must not run foreign code. Throws nothing. */
    static void warn(Engine locker, String message, @Nullable Throwable failure) {
        try {
            Background.execute(() -> Messages.warn(locker.settings, message, failure));
        } catch (Throwable e) {
            // There is neither memory nor a thread to log it. The scan continues.
        }
    }

    /** One scan of the locker. */
    private final class Pass {

        /** Whether all keys are scanned, and not only those of stripes with waiters. */
        private final boolean all;

        private final long now;

        private final boolean reports;

        private final boolean searches;

        final List<Hold> longHolds = new ArrayList<>();

        private long activeKeys;

        private long scannedKeys;

        boolean suspicious;

        Pass(Engine locker, boolean all) {
            this.all = all;
            this.now = locker.clock.nanoTime();
            this.reports = locker.listeners != null && !reporting.get();
            this.searches = locker.settings.deadlockDetection() != KeyedLockerSettings.DeadlockDetection.OFF;
        }

        void scan(Stripe stripe) {
            // Without the lock: before the scan stops, every stripe is checked again, and waiters are found by the next
            // scan.
            int keys = stripe.active();
            activeKeys += keys;
            if (all || (searches && stripe.waiters > 0)) {
                scannedKeys += keys;
                Inspection.forEach(stripe, this::scan);
            }
        }

        private void scan(Entry e) {
            e.forEachHold(this::check);
            suspicious = suspicious || (searches && DeadlockSearch.isSuspicious(e, now));
        }

        private void check(Hold hold) {
            if (hold.age(now) >= longHold && reports && !hold.isReported()) {
                longHolds.add(hold);
            }
        }
    }

    /** Reports on a callback thread, because listeners may be slow. Until they return, no further long holds are reported. */
    private void report(Engine locker, List<Hold> longHolds) {
        if (longHolds.isEmpty() || !reporting.compareAndSet(false, true)) {
            return;
        }
        try {
            Background.execute(() -> {
                try {
                    longHolds.forEach(hold -> reportGuarded(locker, hold));
                } finally {
                    reporting.set(false);
                }
            });
        } catch (Throwable e) {
            reporting.set(false);
            throw e;
        }
    }

    /** Reports one hold. If that fails, the hold was marked as reported, or is found again. */
    private static void reportGuarded(Engine locker, Hold hold) {
        try {
            report(locker, hold);
        } catch (Throwable e) {
            Messages.warn(
                    locker.settings, "A long hold of locker '" + locker.settings.name() + "' could not be reported", e);
        }
    }

    private static void report(Engine locker, Hold hold) {
        CompositeListener listeners = locker.listeners;
        Thread owner = Inspection.locked(hold, () -> hold.owner);
        List<StackTraceElement> stack = owner == null ? List.of() : List.of(owner.getStackTrace());
        // If the hold has ended meanwhile, the stack does not belong to it.
        Inspection.ObservedHold holder = Inspection.locked(
                hold,
                () -> hold.isHeld() && hold.markReported() ? Inspection.observe(hold, locker.clock.nanoTime()) : null);
        if (listeners != null && holder != null) {
            listeners.longHold(hold.entry().key, holder.describe(), stack);
        }
    }
}
