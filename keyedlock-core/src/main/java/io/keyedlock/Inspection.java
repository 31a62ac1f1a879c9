// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Looks at what a locker holds, without making anything. A stripe is locked for a portion of its entries, or of the waiters
 * of one key, at a time, so that callers of its other keys never wait for long.
 */
final class Inspection {

    /** How many entries, holds or waiters are looked at in one section, give or take one chain of the table. */
    static final int PORTION = 1024;

    /** How long the lock is left free between two sections. */
    private static final long PAUSE_NANOS = 20_000;

    private Inspection() {}

    /** Calls an action, under the lock, with each entry that is in the table from the beginning of this call to its end. */
    static void forEach(Stripe stripe, Consumer<Entry> action) {
        forEach(stripe, action, Inspection::makeWay);
    }

    /** As {@link #forEach(Stripe, Consumer)}, with something to do between two sections. */
    static void forEach(Stripe stripe, Consumer<Entry> action, Runnable between) {
        int parts = 1;
        for (int part = 0; part < parts; ) {
            if (part > 0) {
                between.run();
            }
            stripe.lock();
            try {
                if (part == 0) {
                    parts = stripe.parts();
                }
                for (int steps = 0; steps < PORTION && part < parts; part++) {
                    steps += stripe.forEachOfPart(part, parts, action);
                }
            } finally {
                stripe.unlock();
            }
        }
    }

    /**
     * Lets those who wait for the lock have it, which is not fair: they look for it from time to time only. Does not give up the
     * processor if it need not, as it may get it back late where many threads want it.
     */
    @SuppressWarnings("ThreadPriorityCheck") // on one processor nobody else gets to run
    private static void makeWay() {
        if (SpinLock.SPINS == 0) {
            Thread.yield();
            return;
        }
        for (long begin = System.nanoTime(); System.nanoTime() - begin < PAUSE_NANOS; ) {
            Thread.onSpinWait();
        }
    }

    static <T> @Nullable T locked(Hold hold, Supplier<@Nullable T> look) {
        Stripe stripe = hold.entry().stripe;
        stripe.lock();
        try {
            return look.get();
        } finally {
            stripe.unlock();
        }
    }

    static Set<Object> activeKeys(Stripes stripes) {
        List<Object> keys = new ArrayList<>();
        stripes.all().forEach(stripe -> forEach(stripe, e -> keys.add(e.key)));
        return Collections.unmodifiableSet(new HashSet<>(keys));
    }

    static boolean isActive(Stripes stripes, Object key, int hash) {
        Stripe stripe = stripes.ifMade(hash);
        if (stripe == null) {
            return false;
        }
        stripe.lock();
        try {
            return stripe.find(key, hash) != null;
        } finally {
            stripe.unlock();
        }
    }

    static boolean isHeldBy(Stripes stripes, Thread thread) {
        boolean[] holds = new boolean[1];
        for (Stripe stripe : stripes.all()) {
            forEach(stripe, e -> holds[0] = holds[0] || e.holdOf(thread) != null);
            if (holds[0]) {
                return true;
            }
        }
        return false;
    }

    /** Finds a key that passes a test, which is foreign code and so never runs under a stripe's lock. */
    static @Nullable Object find(Stripes stripes, Predicate<Object> test) {
        List<Object> keys = new ArrayList<>();
        for (Stripe stripe : stripes.all()) {
            forEach(stripe, e -> keys.add(e.key));
            for (Object key : keys) {
                if (test.test(key)) {
                    return key;
                }
            }
            keys.clear();
        }
        return null;
    }

    static @Nullable KeySnapshot<Object> snapshot(DefaultKeyedLocker<?> locker, Object key, int hash) {
        Stripe stripe = locker.stripes.ifMade(hash);
        if (stripe == null) {
            return null;
        }
        long now = locker.clock.nanoTime();
        EntrySeen seen;
        stripe.lock();
        try {
            Entry entry = stripe.find(key, hash);
            if (entry == null) {
                return null;
            }
            seen = new EntrySeen(entry, now);
        } finally {
            stripe.unlock();
        }
        return seen.snapshot();
    }

    static List<KeySnapshot<Object>> snapshot(DefaultKeyedLocker<?> locker) {
        List<KeySnapshot<Object>> all = new ArrayList<>();
        long now = locker.clock.nanoTime();
        for (Stripe stripe : locker.stripes.all()) {
            List<EntrySeen> seen = new ArrayList<>();
            forEach(stripe, e -> seen.add(new EntrySeen(e, now)));
            seen.forEach(entry -> all.add(entry.snapshot()));
        }
        return Collections.unmodifiableList(all);
    }

    /** A hold as it was at one moment. Described outside all locks, as a thread's id may be foreign code. */
    record HoldSeen(@Nullable Thread owner, long age) {

        KeySnapshot.Caller describe() {
            return Hold.describe(owner, age);
        }
    }

    /** Looks at a hold; under the stripe. */
    static HoldSeen see(Hold hold, long now) {
        return new HoldSeen(hold.owner, hold.age(now));
    }

    /** An entry as it was at one moment, with the rest of a long queue as it was from then on; made under the stripe. */
    private static final class EntrySeen {

        private final Entry entry;

        private final long now;

        private final List<HoldSeen> holds = new ArrayList<>(1);

        private final QueueWalk queue;

        EntrySeen(Entry entry, long now) {
            this.entry = entry;
            this.now = now;
            entry.forEachHold(hold -> holds.add(see(hold, now)));
            queue = new QueueWalk(entry);
            queue.advance(null);
        }

        KeySnapshot<Object> snapshot() {
            return new KeySnapshot<>(
                    entry.key,
                    entry.stripe.locker.limit,
                    holds.stream().map(HoldSeen::describe).toList(),
                    queue.all().stream()
                            .map(w -> Hold.describe(w.thread, now - w.since))
                            .toList());
        }
    }

    /**
     * Copies a queue in portions. As waiters join at the end only, and none ever comes back, a copy goes on behind the last
     * of its waiters that is still in the queue, or at the head if all of them have left. So it has, in order and once each,
     * every waiter that waits from the beginning to the end of the copying; others are in it if they were seen. It ends with
     * the waiters that joined after the first portion was copied.
     */
    static final class QueueWalk {

        private final Entry entry;

        private final List<Waiter> copied = new ArrayList<>(0);

        /** When the first portion was copied, if that was not all. */
        private long began;

        private boolean complete;

        QueueWalk(Entry entry) {
            this.entry = entry;
        }

        /** Copies all that is left, locking the stripe for each portion. */
        List<Waiter> all() {
            while (!complete && !goOn()) {
                makeWay();
            }
            return copied;
        }

        /** Copies one more portion, if there is one. Returns whether that was all. */
        boolean goOn() {
            // Outside the lock: as many may have left as have been copied.
            int last = copied.size() - 1;
            while (last >= 0 && copied.get(last).result != null) {
                last--;
            }
            Waiter from = last < 0 ? null : copied.get(last);
            entry.stripe.lock();
            try {
                if (!complete && (from == null || from.result == null)) {
                    advance(from);
                }
                return complete;
            } finally {
                entry.stripe.unlock();
            }
        }

        /** Copies one portion; under the stripe. */
        void advance(@Nullable Waiter from) {
            boolean first = copied.isEmpty();
            ContendedState contended = entry.contendedIfAny();
            Waiter w = from != null ? from.next : contended == null ? null : contended.head;
            for (int steps = 0; steps < PORTION && w != null && (first || w.since - began <= 0); steps++) {
                copied.add(w);
                w = w.next;
            }
            if (first && w != null) {
                began = entry.stripe.locker.clock.nanoTime();
            }
            complete = w == null || w.since - began > 0;
        }
    }
}
