// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Looks at what a locker holds, stripe by stripe and without making anything. */
final class Inspection {

    private Inspection() {}

    static void forEach(Stripes stripes, Consumer<Entry> action) {
        for (Stripe stripe : stripes.all()) {
            stripe.lock();
            try {
                stripe.forEach(action);
            } finally {
                stripe.unlock();
            }
        }
    }

    static Set<Object> activeKeys(Stripes stripes) {
        List<Object> keys = new ArrayList<>();
        forEach(stripes, e -> keys.add(e.key));
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
        forEach(stripes, e -> holds[0] |= e.holdOf(thread) != null);
        return holds[0];
    }

    /** Finds a key that passes a test, which is foreign code and so never runs under a stripe's lock. */
    static @Nullable Object find(Stripes stripes, Predicate<Object> test) {
        List<Object> keys = new ArrayList<>();
        for (Stripe stripe : stripes.all()) {
            stripe.lock();
            try {
                stripe.forEach(e -> keys.add(e.key));
            } finally {
                stripe.unlock();
            }
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
        stripe.lock();
        try {
            Entry entry = stripe.find(key, hash);
            return entry == null ? null : snapshot(entry, locker.clock.nanoTime());
        } finally {
            stripe.unlock();
        }
    }

    static List<KeySnapshot<Object>> snapshot(DefaultKeyedLocker<?> locker) {
        List<KeySnapshot<Object>> all = new ArrayList<>();
        long now = locker.clock.nanoTime();
        forEach(locker.stripes, e -> all.add(snapshot(e, now)));
        return Collections.unmodifiableList(all);
    }

    private static KeySnapshot<Object> snapshot(Entry entry, long now) {
        List<KeySnapshot.Caller> holders = new ArrayList<>();
        List<KeySnapshot.Caller> waiters = new ArrayList<>();
        entry.forEachHold(hold -> holders.add(hold.describe(now)));
        Crowd crowd = entry.crowdIfAny();
        if (crowd != null) {
            for (Waiter w = crowd.head; w != null; w = w.next) {
                waiters.add(Hold.describe(w.thread, Math.max(0, now - w.since)));
            }
        }
        return new KeySnapshot<>(entry.key, entry.stripe.locker.limit, holders, waiters);
    }
}
