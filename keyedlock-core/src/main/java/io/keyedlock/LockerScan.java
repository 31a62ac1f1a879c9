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
final class LockerScan implements Runnable {

    /** How long the scan waits at least and at most before it looks again. */
    private static final long SHORTEST_INTERVAL = 1_000_000;

    private static final long LONGEST_INTERVAL = 1_000_000_000;

    private final DefaultKeyedLocker<?> locker;

    /** After how long a hold is reported; {@link Long#MAX_VALUE} if none is. */
    private final long longHold;

    private final long interval;

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

    /** To be called with no lock held. */
    void start() {
        if (locker.scanStarts()) {
            DeadlockSearch.SCANNED.add(locker);
            Background.scheduleScan(this, interval);
        }
    }

    @Override
    public void run() {
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
        Background.scheduleScan(this, interval);
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
                stripe.forEach(e -> check(e, now, found));
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

    private void check(Entry e, long now, List<Hold> found) {
        check((Hold) e, now, found);
        Crowd crowd = e.crowdIfAny();
        for (ExtraHold h = crowd == null ? null : crowd.latestHold; h != null; h = h.older) {
            check(h, now, found);
        }
    }

    private void check(Hold hold, long now, List<Hold> found) {
        if (hold.isHeld() && hold.age(now) >= longHold && locker.events() != null && hold.report()) {
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
