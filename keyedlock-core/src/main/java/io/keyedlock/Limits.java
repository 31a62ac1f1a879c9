// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The limits of one locker: its own, and those of individual keys, which a function of the application returns.
 *
 * <pre>
 * INVARIANTS, whenever a stripe is unlocked
 * L1  The limit of an entry is known from before its second hold or its first waiter on; with a backend, from before its first
 *     waiter on. Until then the limit does not matter, because each key admits at least one caller.
 * L2  A known limit was asked for after the start of the last refresh that has visited the entry.
 * L3  If the limit of an entry has changed, the section that changes it, or for the locker's limit a section that follows,
 *     hands the free permits to the waiters, threads and futures, and restores the invariants of the queue. Callbacks of
 *     futures run after all keys have been processed, so that none of them delays another key.
 *
 * RACES
 * Setting the locker's limit against an acquisition: as with close(), the limit is written first, and then every stripe is
 * locked. So a caller that was enqueued by the old limit is found, and all others read the new one.
 * A refresh against a first question: a refresh counts itself before it visits the stripes. A section records an answer only if
 * no refresh has begun since the question; otherwise the caller asks again. So either the refresh finds the entry with a known
 * limit, or the caller sees that its answer is outdated.
 * Two refreshes: each numbers its answers, and the answer of the later one stays.
 * </pre>
 *
 * <p>The function is foreign code. It runs outside all locks, on the thread of the caller. Calls of the same locker that would
 * call it again fail, because they could recurse forever.
 */
final class Limits {

    /** The maximum number of questions of a caller that refreshes overtake, for functions that cause refreshes themselves. */
    private static final int MOST_QUESTIONS = 10;

    /**
     * The answer of the function for a key.
     *
     * @param limit the limit, or 0 for that of the locker
     * @param refreshes the number of refreshes that had begun before the question
     * @param questions the number of questions for this acquisition
     */
    record Answer(int limit, int refreshes, int questions) {}

    private final Engine locker;

    /** The function, or null if no key has a limit of its own. */
    private final @Nullable ToIntFunction<Object> ofKeys;

    /** The limit of keys without a limit of their own. Written without a lock; see the races. */
    private volatile int ofLocker;

    private final AtomicInteger refreshes = new AtomicInteger();

    private final AtomicBoolean warned = new AtomicBoolean();

    /** Set while the current thread runs the function. */
    private final ThreadLocal<Boolean> asking = new ThreadLocal<>();

    Limits(Engine locker, KeyedLockerSettings settings) {
        this.locker = locker;
        this.ofLocker = settings.limit();
        this.ofKeys = settings.hasKeyLimits() ? settings.keyLimits() : null;
    }

    int ofLocker() {
        return ofLocker;
    }

    // ---- under the stripe's lock

    /**
     * Returns whether a caller must ask for the limit of a key before it can be admitted, enqueued or rejected, and then try
     * again. Records the given answer.
     */
    boolean mustAsk(Entry e, @Nullable Answer answer) {
        if (ofKeys == null || e.isLimitKnown() || (locker.backend == null && e.holdCount() == 0)) {
            return false;
        }
        if (isMissing(answer)) {
            return true;
        }
        e.contended().setLimit(Objects.requireNonNull(answer));
        return false;
    }

    /** Returns whether a caller must ask for the limit of a key before it adds an entry for it. */
    boolean isMissing(@Nullable Answer answer) {
        return ofKeys != null
                && (answer == null || (answer.refreshes != refreshes.get() && answer.questions < MOST_QUESTIONS));
    }

    // ---- with no lock held

    /**
     * Asks for the limit of a key.
     *
     * @param before the answer that was outdated, if any
     * @throws IllegalStateException if the function asks through this locker
     */
    Answer ask(Object key, @Nullable Answer before) {
        checkNotAsking();
        int begun = refreshes.get();
        return new Answer(ask(key), begun, before == null ? 1 : before.questions + 1);
    }

    /** Returns the limit of a key, or 0 for that of the locker. */
    private int ask(Object key) {
        if (ofKeys == null) {
            return 0;
        }
        try {
            asking.set(true);
            int limit = ofKeys.applyAsInt(key);
            if (limit >= 0) {
                return limit;
            }
            warn(key, "returned " + limit, null);
        } catch (Throwable e) {
            warn(key, "failed", e);
        } finally {
            asking.remove();
        }
        return 0;
    }

    /** Throws if the function itself is about to be called again by this thread. */
    private void checkNotAsking() {
        if (ofKeys != null && asking.get() != null) {
            throw new IllegalStateException(
                    "The function for the limits of locker '" + locker.settings.name()
                            + "' must neither refresh them nor acquire held keys of the locker. Compute the limit from other data");
        }
    }

    private void warn(Object key, String event, @Nullable Throwable failure) {
        if (warned.compareAndSet(false, true)) {
            Messages.keyLimitUnknown(locker.settings, key, event, ofLocker, failure);
        }
    }

    /** Returns the limit of a key whose {@linkplain Entry#knownLimit() known limit} is given; asks if that is 0. */
    int show(Object key, int known) {
        int limit = known != 0 || (ofKeys != null && asking.get() != null) ? known : ask(key);
        return limit != 0 ? limit : ofLocker;
    }

    void setOfLocker(int limit) {
        if (limit < 1) {
            throw new IllegalArgumentException("limit must be at least 1, but is " + limit);
        }
        ofLocker = limit;
        Trampoline.completeAfter(() -> forEachKnown(this::admitWaiters));
    }

    void refresh() {
        checkNotAsking();
        if (ofKeys == null) {
            return;
        }
        int number = refreshes.incrementAndGet();
        Trampoline.completeAfter(() -> forEachKnown(e -> refresh(e, new Answer(ask(e.key), number, 1))));
    }

    private static void refresh(Entry e, Answer answer) {
        Headroom.checkForSection();
        e.stripe.lock();
        if (e.contended().setLimit(answer)) {
            admitWaitersAndUnlock(e);
        } else {
            e.stripe.unlock();
        }
    }

    /** Calls an action, with no lock held, with each entry that may have waiters. */
    private void forEachKnown(Consumer<Entry> action) {
        for (Stripe stripe : locker.stripes.all()) {
            List<Entry> found = new ArrayList<>();
            Inspection.forEach(stripe, e -> {
                if (e.isLimitKnown() || e.waiterCount() > 0) {
                    found.add(e);
                }
            });
            found.forEach(action);
        }
    }

    private void admitWaiters(Entry e) {
        Headroom.checkForSection();
        e.stripe.lock();
        admitWaitersAndUnlock(e);
    }

    /** Called under the stripe's lock, which is free on return. */
    private static void admitWaitersAndUnlock(Entry e) {
        ContendedState c = e.contended();
        if (c.head == null) {
            // No waiter to admit. The entry may have left the table.
            e.stripe.unlock();
        } else {
            e.stripe.handOffAndUnlock(e, c.grantAll(), null, false);
        }
    }
}
