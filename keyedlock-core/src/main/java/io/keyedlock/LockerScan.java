// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Looks at one locker from time to time, as long as it is active: stamps holds not seen before, reports those that have
 * lasted too long, and has deadlocks searched for once somebody has waited for long. Acquiring threads read no clock for
 * that; the first one only sees that the scan rests and starts it.
 *
 * <p>The scan rests only if, after it has said so, it finds nothing active in any stripe. An acquisition reads that under
 * its stripe's lock, so either the scan sees the entry or the acquisition sees that the scan rests.
 */
final class LockerScan {

    /** How long the scan waits at least and at most before it looks again. */
    private static final long SHORTEST_INTERVAL = 1_000_000;

    private static final long LONGEST_INTERVAL = 1_000_000_000;

    private final DefaultKeyedLocker<?> locker;

    /** After how long a hold is reported; {@link Long#MAX_VALUE} if none is. */
    private final long longHold;

    private final long interval;

    /** The latest start. A task of an earlier one does nothing: it may lie in the executor's queue although that start failed. */
    private volatile Object turn = new Object();

    private LockerScan(DefaultKeyedLocker<?> locker, long longHold) {
        this.locker = locker;
        this.longHold = longHold;
        this.interval = Math.max(SHORTEST_INTERVAL, Math.min(LONGEST_INTERVAL, longHold / 4));
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
     * To be called with no lock held, by a caller who may hold a permit by now and so is not to suffer: where no thread can be
     * started for the scan, it rests on, and the next caller tries again.
     */
    void start() {
        if (locker.scanStarts()) {
            Object mine = new Object();
            turn = mine;
            try {
                DeadlockSearch.SCANNED.add(locker);
                Background.scheduleScan(() -> run(mine), interval);
            } catch (RuntimeException | Error e) {
                DeadlockSearch.SCANNED.remove(locker);
                locker.scanRests();
                Messages.warn(locker.settings(), "The scan of " + locker.name() + " could not be started", e);
            }
        }
    }

    private void run(Object mine) {
        if (turn != mine) {
            return;
        }
        try {
            if (!scan()) {
                DeadlockSearch.SCANNED.remove(locker);
                locker.scanRests();
                if (!locker.stripes.looksIdle()) {
                    start();
                }
                return;
            }
        } catch (RuntimeException | Error e) {
            Messages.warn(locker.settings(), "The scan of " + locker.name() + " failed and goes on", e);
        }
        Background.scheduleScan(() -> run(mine), interval);
    }

    /** Looks at everything once; returns false if nothing was active. */
    boolean scan() {
        List<Hold> found = new ArrayList<>();
        boolean active = false;
        boolean suspicious = false;
        long now = locker.clock.nanoTime();
        for (Stripe stripe : locker.stripes.all()) {
            stripe.lock();
            try {
                active |= stripe.active() > 0;
                stripe.forEach(e -> e.forEachHold(hold -> check(hold, now, found)));
                suspicious |= stripe.waiters > 0 && DeadlockSearch.isWorthwhile(stripe, now);
            } finally {
                stripe.unlock();
            }
        }
        found.forEach(this::report);
        if (suspicious) {
            new DeadlockSearch(now).run();
        }
        return active;
    }

    private void check(Hold hold, long now, List<Hold> found) {
        if (hold.age(now) >= longHold && locker.events() != null && hold.report()) {
            found.add(hold);
        }
    }

    private void report(Hold hold) {
        ListenerCalls events = locker.events();
        Thread owner = ownerOf(hold);
        List<StackTraceElement> stack = owner == null ? List.of() : List.of(owner.getStackTrace());
        KeySnapshot.Caller holder = stillHeld(hold);
        if (events != null && holder != null) {
            events.longHold(hold.entry().key, holder, stack);
        }
    }

    private static @Nullable Thread ownerOf(Hold hold) {
        Stripe stripe = hold.entry().stripe;
        stripe.lock();
        try {
            return hold.owner;
        } finally {
            stripe.unlock();
        }
    }

    /** The holder, or null if the hold has ended meanwhile, so that the stack is somebody else's business. */
    private KeySnapshot.@Nullable Caller stillHeld(Hold hold) {
        Stripe stripe = hold.entry().stripe;
        stripe.lock();
        try {
            return hold.isHeld() ? hold.describe(locker.clock.nanoTime()) : null;
        } finally {
            stripe.unlock();
        }
    }
}
