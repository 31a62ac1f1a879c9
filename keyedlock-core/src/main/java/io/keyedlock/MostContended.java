// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/** Finds the most contended keys of a locker in one pass, without copying the others. */
final class MostContended {

    /** A key with its figures. A key is greater than one that is less contended. */
    record Candidate(Object key, int limit, int waiters, int holders, long longestWait, long longestHold)
            implements Comparable<Candidate> {

        @Override
        public int compareTo(Candidate other) {
            return compareTo(other.waiters, other.holders, other.longestWait, other.longestHold);
        }

        /** Compares directly, because a chain of comparators takes most of the time of an overview of many keys. */
        int compareTo(int otherWaiters, int otherHolders, long otherWait, long otherHold) {
            if (waiters != otherWaiters) {
                return Integer.compare(waiters, otherWaiters);
            }
            if (holders != otherHolders) {
                return Integer.compare(holders, otherHolders);
            }
            return longestWait != otherWait
                    ? Long.compare(longestWait, otherWait)
                    : Long.compare(longestHold, otherHold);
        }
    }

    private final Engine locker;

    private final int maxKeys;

    private final long now;

    /** The keys found so far, least contended first. */
    private final PriorityQueue<Candidate> kept = new PriorityQueue<>();

    MostContended(Engine locker, int maxKeys) {
        this.locker = locker;
        this.maxKeys = maxKeys;
        this.now = locker.clock.nanoTime();
    }

    LockerOverview<Object> overview() {
        long holders = 0;
        long waiters = 0;
        long active = 0;
        for (Stripe stripe : locker.stripes.all()) {
            stripe.lock();
            try {
                active += stripe.active();
                holders += stripe.holders();
                waiters += stripe.waiters;
            } finally {
                stripe.unlock();
            }
            if (maxKeys > 0) {
                Inspection.forEach(stripe, this::consider);
            }
        }
        List<Candidate> hottest = new ArrayList<>(kept);
        hottest.sort(Comparator.reverseOrder());
        return new LockerOverview<>(
                (int) Math.min(active, Integer.MAX_VALUE),
                holders,
                waiters,
                hottest.stream()
                        .map(c -> new LockerOverview.KeyFigures<>(
                                c.key,
                                locker.limits.show(c.key, c.limit),
                                c.holders,
                                c.waiters,
                                Duration.ofNanos(c.longestHold),
                                Duration.ofNanos(c.longestWait)))
                        .toList());
    }

    private void consider(Entry e) {
        int waiting = e.waiterCount();
        int holding = e.holdCount();
        Candidate least = kept.size() < maxKeys ? null : kept.peek();
        if (least != null && (waiting < least.waiters || (waiting == least.waiters && holding < least.holders))) {
            return;
        }
        ContendedState contended = e.contendedIfAny();
        Waiter oldest = contended == null ? null : contended.head;
        Hold first = e.oldestHold();
        long wait = oldest == null ? 0 : Math.max(0, now - oldest.since);
        long hold = first == null ? 0 : Math.max(0, first.age(now));
        if (least != null) {
            if (least.compareTo(waiting, holding, wait, hold) >= 0) {
                return;
            }
            kept.poll();
        }
        kept.add(new Candidate(e.key, e.knownLimit(), waiting, holding, wait, hold));
    }
}
