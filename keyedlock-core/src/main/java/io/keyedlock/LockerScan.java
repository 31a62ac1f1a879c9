// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The part of one locker in the background scan: stamps holds not seen before, reports those that have lasted too long, and
 * says whether somebody has waited for so long that a search for deadlocks is worthwhile. Acquiring threads read no clock
 * for that; the first one only sees that the scan rests and starts it. Refers to its locker weakly, as the scan refers to
 * this.
 *
 * <p><b>An active locker is looked at.</b> The locker rests if it is not in {@link Scanner#LOCKERS} and its rest flag is set.
 *
 * <ul>
 *   <li>{@link #start()} adds the locker, then clears the flag, then looks whether the locker is still there; if not, it sets
 *       the flag again and starts over if anything is active.
 *   <li>{@link #rest()} removes the locker and then sets the flag; whoever calls it because nothing seemed active then looks
 *       at every stripe under its lock, and starts the scan if anything is active. An acquisition reads the flag under the
 *       lock of its stripe, so either the entry is seen there, or the acquisition sees the flag and starts the scan.
 * </ul>
 *
 * <p>A cleared flag without the locker being in the set is therefore corrected by whoever did the second step last. The
 * flag set with the locker in the set does no harm: the next caller only starts what runs. So whatever is thrown in
 * between, the flag stays set or the locker stays in the set.
 */
final class LockerScan extends WeakReference<DefaultKeyedLocker<?>> {

    /** After how long a hold is reported; {@link Long#MAX_VALUE} if none is. */
    private final long longHold;

    /** How long the scan waits before it looks again. */
    final long interval;

    /** When to look next, by {@link System#nanoTime()}. */
    volatile long due;

    /** Set while long holds are being reported, which may take as long as a listener likes. */
    private final AtomicBoolean reporting = new AtomicBoolean();

    private LockerScan(DefaultKeyedLocker<?> locker, long longHold) {
        super(locker, Scanner.DROPPED);
        this.longHold = longHold;
        this.interval = Math.max(Scanner.SHORTEST_INTERVAL, Math.min(Scanner.LONGEST_INTERVAL, longHold / 4));
    }

    /** The scan of a locker, or null if its settings ask for nothing that needs one. */
    static @Nullable LockerScan of(DefaultKeyedLocker<?> locker) {
        KeyedLockerSettings settings = locker.settings();
        boolean reports = !settings.longHold().isZero();
        return reports || settings.deadlockDetection() != KeyedLockerSettings.DeadlockDetection.OFF
                ? new LockerScan(locker, reports ? DefaultKeyedLocker.nanos(settings.longHold()) : Long.MAX_VALUE)
                : null;
    }

    /**
     * Starts the scan. To be called with no lock held, by a caller who may hold a permit by now and so is not to suffer: where
     * no thread can be started, the scan rests on, and the next caller tries again.
     */
    void start() {
        DefaultKeyedLocker<?> locker = get();
        if (locker == null) {
            return;
        }
        try {
            do {
                if (!Scanner.LOCKERS.contains(this)) {
                    due = System.nanoTime() + interval;
                }
                Scanner.add(this);
                locker.scanStarts();
                if (Scanner.LOCKERS.contains(this)) {
                    return;
                }
                locker.scanRests();
            } while (!locker.stripes.looksIdle());
        } catch (Throwable e) {
            locker.scanRests();
            Messages.warn(locker.settings(), "The scan of " + locker.name() + " could not be started", e);
        }
    }

    /** Takes the locker out of the scan, so that its next caller starts it again. */
    void rest() {
        Scanner.LOCKERS.remove(this);
        DefaultKeyedLocker<?> locker = get();
        if (locker != null) {
            locker.scanRests();
        }
    }

    /** Looks at everything once. Returns whether a search for deadlocks is worthwhile. Throws nothing. */
    boolean look() {
        due = System.nanoTime() + interval;
        DefaultKeyedLocker<?> locker = get();
        if (locker == null) {
            Scanner.LOCKERS.remove(this);
            return false;
        }
        try {
            Look look = new Look(locker);
            locker.stripes.all().forEach(look::at);
            report(locker, look.found);
            if (!look.active) {
                rest();
                if (!locker.stripes.looksIdle()) {
                    start();
                }
            }
            return look.suspicious;
        } catch (Throwable e) {
            warn(locker, "The scan of " + locker.name() + " failed and goes on", e);
            return true;
        }
    }

    /** Logs from a thread that must not run foreign code; throws nothing. */
    static void warn(DefaultKeyedLocker<?> locker, String words, @Nullable Throwable failure) {
        try {
            Background.execute(() -> Messages.warn(locker.settings(), words, failure));
        } catch (Throwable e) {
            // There is neither memory nor a thread to tell it. The scan goes on.
        }
    }

    private final class Look {

        private final long now;

        private final boolean reports;

        private final boolean searches;

        final List<Hold> found = new ArrayList<>();

        boolean active;

        boolean suspicious;

        Look(DefaultKeyedLocker<?> locker) {
            this.now = locker.clock.nanoTime();
            this.reports = locker.events() != null && !reporting.get();
            this.searches = locker.settings().deadlockDetection() != KeyedLockerSettings.DeadlockDetection.OFF;
        }

        void at(Stripe stripe) {
            // Without the lock: before the scan rests, everything is looked at again.
            active |= stripe.active() > 0;
            Inspection.forEach(stripe, this::at);
        }

        private void at(Entry e) {
            e.forEachHold(this::check);
            suspicious = suspicious || (searches && DeadlockSearch.isSuspicious(e, now));
        }

        private void check(Hold hold) {
            if (hold.age(now) >= longHold && reports && !hold.isReported()) {
                found.add(hold);
            }
        }
    }

    /** Reports on another thread, as listeners may take their time; meanwhile further long holds of this locker wait. */
    private void report(DefaultKeyedLocker<?> locker, List<Hold> found) {
        if (found.isEmpty() || !reporting.compareAndSet(false, true)) {
            return;
        }
        boolean handedOver = false;
        try {
            Background.execute(() -> {
                try {
                    found.forEach(hold -> reportGuarded(locker, hold));
                } finally {
                    reporting.set(false);
                }
            });
            handedOver = true;
        } finally {
            if (!handedOver) {
                reporting.set(false);
            }
        }
    }

    /** A failure, for instance while a stack is read, concerns one hold. It was marked as reported or is found again. */
    private static void reportGuarded(DefaultKeyedLocker<?> locker, Hold hold) {
        try {
            report(locker, hold);
        } catch (Throwable e) {
            Messages.warn(locker.settings(), "A long hold of " + locker.name() + " could not be reported", e);
        }
    }

    private static void report(DefaultKeyedLocker<?> locker, Hold hold) {
        CompositeListener events = locker.events();
        Thread owner = Inspection.locked(hold, () -> hold.owner);
        List<StackTraceElement> stack = owner == null ? List.of() : List.of(owner.getStackTrace());
        // Once the hold has ended, the stack is somebody else's business.
        Inspection.HoldSeen holder = Inspection.locked(
                hold, () -> hold.isHeld() && hold.report() ? Inspection.see(hold, locker.clock.nanoTime()) : null);
        if (events != null && holder != null) {
            events.longHold(hold.entry().key, holder.describe(), stack);
        }
    }
}
