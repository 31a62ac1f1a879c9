// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Inspects the active keys of a locker, without creating stripes or entries. A stripe is locked for a portion of its entries,
 * or of the waiters of one key, at a time, so that callers of its other keys do not wait for long.
 */
final class Inspection {

    /** The number of entries, holds or waiters that are inspected in one section, give or take one chain of the table. */
    static final int PORTION = 1024;

    /** The time for which the lock is left free between two sections. */
    private static final long PAUSE_NANOS = 20_000;

    private Inspection() {}

    /** Calls an action, under the lock, with each entry that is in the table throughout this call. */
    static void forEach(Stripe stripe, Consumer<Entry> action) {
        forEach(stripe, action, Inspection::yieldLock);
    }

    /** As {@link #forEach(Stripe, Consumer)}, with an action to run between two sections. */
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
     * Leaves the lock free for a moment. The lock is not fair, so its waiters check for it only from time to time. Keeps the
     * processor if there are several, because on a busy system the thread might get it back late.
     */
    @SuppressWarnings("ThreadPriorityCheck") // on one processor no other thread would run
    private static void yieldLock() {
        if (SpinLock.SPINS == 0) {
            Thread.yield();
            return;
        }
        for (long begin = System.nanoTime(); System.nanoTime() - begin < PAUSE_NANOS; ) {
            Thread.onSpinWait();
        }
    }

    /** Calls a supplier under the lock of a hold's stripe. */
    static <T> @Nullable T locked(Hold hold, Supplier<@Nullable T> supplier) {
        Stripe stripe = hold.entry().stripe;
        stripe.lock();
        try {
            return supplier.get();
        } finally {
            stripe.unlock();
        }
    }

    static Set<Object> activeKeys(Stripes stripes) {
        List<Object> keys = new ArrayList<>();
        stripes.all().forEach(stripe -> forEach(stripe, e -> keys.add(e.key)));
        return Collections.unmodifiableSet(new HashSet<>(keys));
    }

    /** Calls a function, under the lock, with the entry of a key. Returns null if the key is not active. */
    private static <T> @Nullable T withEntry(Engine locker, Object key, int hash, Function<Entry, T> function) {
        Stripe stripe = locker.stripes.existing(hash);
        if (stripe == null) {
            return null;
        }
        stripe.lock();
        try {
            Entry entry = stripe.find(key, hash);
            return entry == null ? null : function.apply(entry);
        } finally {
            stripe.unlock();
        }
    }

    static boolean isActive(Engine locker, Object key, int hash) {
        return withEntry(locker, key, hash, entry -> true) != null;
    }

    /** Returns the limit and the number of waiters of a key, after a wait for it has ended or, with null, without a wait. */
    static Messages.Contention contention(Engine locker, Object key, @Nullable Waiter ended) {
        Messages.Contention found = ended == null
                ? withEntry(locker, key, Engine.hash(key), entry -> contention(key, entry))
                : locked(ended.entry, () -> contention(key, ended.entry));
        return found == null ? new Messages.Contention(key, locker.limits.ofLocker(), 0) : found;
    }

    private static Messages.Contention contention(Object key, Entry entry) {
        return new Messages.Contention(key, entry.limit(), entry.waiterCount());
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

    /** Finds a key that passes a test. The test is foreign code, so it never runs under a stripe's lock. */
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

    static @Nullable KeySnapshot<Object> snapshot(Engine locker, Object key, int hash) {
        long now = locker.clock.nanoTime();
        ObservedEntry seen = withEntry(locker, key, hash, entry -> new ObservedEntry(entry, now));
        return seen == null ? null : seen.snapshot();
    }

    static List<KeySnapshot<Object>> snapshot(Engine locker) {
        List<KeySnapshot<Object>> all = new ArrayList<>();
        long now = locker.clock.nanoTime();
        for (Stripe stripe : locker.stripes.all()) {
            List<ObservedEntry> seen = new ArrayList<>();
            forEach(stripe, e -> seen.add(new ObservedEntry(e, now)));
            seen.forEach(entry -> all.add(entry.snapshot()));
        }
        return Collections.unmodifiableList(all);
    }

    /** The state of a hold at one moment. Described outside all locks, because the id of a thread may call foreign code. */
    record ObservedHold(@Nullable Thread owner, long age) {

        KeySnapshot.Caller describe() {
            return Hold.describe(owner, age);
        }
    }

    /** Returns the state of a hold. Called under the stripe's lock. */
    static ObservedHold observe(Hold hold, long now) {
        return new ObservedHold(hold.owner, hold.age(now));
    }

    /** The state of an entry at one moment; of a long queue, the rest is copied later. Created under the stripe's lock. */
    static final class ObservedEntry {

        private final Entry entry;

        private final long now;

        private final List<ObservedHold> holds = new ArrayList<>(1);

        /** The limit, or 0 if it was not asked for yet. */
        private final int limit;

        private final QueueWalk queue;

        ObservedEntry(Entry entry, long now) {
            this.entry = entry;
            this.now = now;
            this.limit = entry.knownLimit();
            entry.forEachHold(hold -> holds.add(observe(hold, now)));
            queue = new QueueWalk(entry);
            queue.advance(null);
        }

        KeySnapshot<Object> snapshot() {
            return new KeySnapshot<>(
                    entry.key,
                    entry.stripe.locker.limits.show(entry.key, limit),
                    holds.stream().map(ObservedHold::describe).toList(),
                    queue.all().stream()
                            .map(w -> Hold.describe(w.thread, now - w.since))
                            .toList());
        }
    }

    /**
     * Copies a queue in portions. Waiters are appended at the tail only, and none ever returns, so a copy continues after the
     * last copied waiter that is still in the queue, or at the head if all of them have left. It contains, in order and once,
     * every waiter that waits throughout, and others that were visited. It ends before the waiters that were appended
     * after the first portion was copied.
     */
    static final class QueueWalk {

        private final Entry entry;

        private final List<Waiter> copied = new ArrayList<>(0);

        /** When the first portion was copied; 0 if that was all. */
        private long began;

        private boolean complete;

        QueueWalk(Entry entry) {
            this.entry = entry;
        }

        /** Copies the rest, locking the stripe for each portion. */
        List<Waiter> all() {
            while (!complete && !copyNext()) {
                yieldLock();
            }
            return copied;
        }

        /** Copies one more portion, if there is one. Returns whether the copy is complete. */
        boolean copyNext() {
            // Outside the lock, because all copied waiters may have left.
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

        /** Copies one portion. Called under the stripe's lock. */
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
