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
    private record Candidate(Object key, int limit, int waiters, int holders, long longestWait, long longestHold)
            implements Comparable<Candidate> {

        /** Compares directly, because a chain of comparators takes most of the time of an overview of many keys. */
        @Override
        public int compareTo(Candidate other) {
            if (waiters != other.waiters) {
                return Integer.compare(waiters, other.waiters);
            }
            if (holders != other.holders) {
                return Integer.compare(holders, other.holders);
            }
            return longestWait != other.longestWait
                    ? Long.compare(longestWait, other.longestWait)
                    : Long.compare(longestHold, other.longestHold);
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
        Candidate c = new Candidate(
                e.key,
                e.knownLimit(),
                waiting,
                holding,
                oldest == null ? 0 : Math.max(0, now - oldest.since),
                first == null ? 0 : Math.max(0, first.age(now)));
        if (least == null) {
            kept.add(c);
        } else if (c.compareTo(least) > 0) {
            kept.poll();
            kept.add(c);
        }
    }
}
