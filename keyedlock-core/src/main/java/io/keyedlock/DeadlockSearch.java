// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One search for threads that wait for each other, over all lockers that are active, by the scanning thread alone.
 *
 * <pre>
 * 1. Collect, stripe by stripe, the keys that threads await without end, with their holds.
 * 2. A key is live if it has a free permit, a hold that no thread owns, or a hold of a thread that is not waiting (that
 *    is, not in the collection). Who waits for a live key is not stuck, which makes the keys it holds live, and so on.
 *    Who is left is stuck, if all that was collected stood at one moment.
 * 3. Follow from a stuck thread to a holder of its key, and on, until a thread comes up again: a cycle.
 * 4. Look again at every key that can be reached from the cycle: each waiter must still wait in the same place and each
 *    hold must be the same. As neither ever comes back once it has ended, all of it stood between the two looks, and
 *    since nobody in it can move, it still does.
 * 5. Fail one waiter of the cycle, whose holds become live, and go on with who is left.
 * </pre>
 *
 * <p>A thread that is interrupted, or whose permit another thread closes, may leave a cycle between 4 and 5; then its
 * waiter is no longer in the queue or it fails although it might have gone on a moment later.
 */
final class DeadlockSearch {

    /** The lockers whose scan is running, which are those where anybody can wait. */
    static final Set<DefaultKeyedLocker<?>> SCANNED = ConcurrentHashMap.newKeySet();

    /** Who has not waited for so long is not asked. */
    private static final long SUSPICIOUS_AFTER = 500_000_000;

    /** How many of a cycle, and of a key's holders, a message names. */
    private static final int MOST_NAMED = 16;

    /** A key that is awaited, with its holds when it was collected. */
    private static final class Node {
        final Entry entry;
        final List<Hold> holds = new ArrayList<>();
        final List<Thread> owners = new ArrayList<>();
        final List<Waiter> waiters = new ArrayList<>();
        boolean live;

        Node(Entry entry) {
            this.entry = entry;
        }
    }

    private record Place(Waiter waiter, Node node) {}

    private final long now;

    private final List<Node> nodes = new ArrayList<>();

    /** The threads that may be stuck, by what they wait for. */
    private final IdentityHashMap<Thread, Place> stuck = new IdentityHashMap<>();

    private final IdentityHashMap<Thread, List<Node>> held = new IdentityHashMap<>();

    DeadlockSearch(long now) {
        this.now = now;
    }

    /** Whether some thread in a stripe waits without end, and has done so for long enough; under its lock. */
    static boolean isWorthwhile(Stripe stripe, long now) {
        boolean[] found = new boolean[1];
        stripe.forEach(e -> found[0] = found[0] || isWorthwhile(e, now));
        return found[0];
    }

    private static boolean isWorthwhile(Entry e, long now) {
        Crowd crowd = e.crowdIfAny();
        // The queue is in the order of arrival.
        for (Waiter w = crowd == null ? null : crowd.head; w != null && isOld(w, now); w = w.next) {
            if (mayBeStuck(w)) {
                return true;
            }
        }
        return false;
    }

    /** Whether nothing but a permit ends the wait, of a thread that may hold what others wait for. */
    private static boolean mayBeStuck(Waiter w) {
        return w.thread != null && w.endless;
    }

    private static boolean isOld(Waiter w, long now) {
        return now - w.since >= SUSPICIOUS_AFTER;
    }

    /** Searches and, as each locker's settings say, fails or reports; returns how many cycles were found. */
    int run() {
        int found = 0;
        for (DefaultKeyedLocker<?> locker : SCANNED) {
            if (locker.settings().deadlockDetection() != KeyedLockerSettings.DeadlockDetection.OFF) {
                locker.stripes.all().forEach(this::collect);
            }
        }
        releaseFromLiveKeys();
        for (Thread thread : List.copyOf(stuck.keySet())) {
            while (stuck.containsKey(thread)) {
                List<Place> cycle = findCycle(thread);
                if (stillStands(cycle)) {
                    found++;
                    resolve(cycle);
                }
                // Whether failed, reported or gone: those who wait for it are looked at without it.
                release(cycle.get(0));
            }
        }
        return found;
    }

    private void collect(Stripe stripe) {
        stripe.lock();
        try {
            if (stripe.waiters > 0) {
                stripe.forEach(this::collect);
            }
        } finally {
            stripe.unlock();
        }
    }

    private void collect(Entry e) {
        Crowd crowd = e.crowdIfAny();
        if (crowd == null || crowd.head == null) {
            return;
        }
        Node node = new Node(e);
        for (Waiter w = crowd.head; w != null; w = w.next) {
            Thread waiting = w.thread;
            if (waiting != null && mayBeStuck(w) && isOld(w, now)) {
                node.waiters.add(w);
                stuck.put(waiting, new Place(w, node));
            }
        }
        node.live = crowd.holdCount < e.stripe.locker.limit;
        e.forEachHold(node.holds::add);
        for (Hold h : node.holds) {
            Thread owner = h.owner;
            if (owner == null) {
                node.live = true;
            } else {
                node.owners.add(owner);
                held.computeIfAbsent(owner, t -> new ArrayList<>()).add(node);
            }
        }
        nodes.add(node);
    }

    private void releaseFromLiveKeys() {
        for (Node node : nodes) {
            node.live |= !node.owners.stream().allMatch(stuck::containsKey);
        }
        Deque<Node> live = new ArrayDeque<>();
        nodes.stream().filter(n -> n.live).forEach(live::add);
        spread(live);
    }

    /** Releases a thread that was failed or is not stuck, and who waits for what it holds. */
    private void release(Place place) {
        Deque<Node> live = new ArrayDeque<>();
        release(place.waiter, live);
        spread(live);
    }

    private void spread(Deque<Node> live) {
        for (Node node = live.poll(); node != null; node = live.poll()) {
            for (Waiter w : node.waiters) {
                release(w, live);
            }
        }
    }

    private void release(Waiter w, Deque<Node> live) {
        Thread thread = w.thread;
        if (thread == null || stuck.remove(thread) == null) {
            return;
        }
        for (Node node : held.getOrDefault(thread, List.of())) {
            if (!node.live) {
                node.live = true;
                live.add(node);
            }
        }
    }

    /** The cycle to which the waits of a stuck thread lead, the one to fail first. */
    private List<Place> findCycle(Thread start) {
        List<Place> path = new ArrayList<>();
        IdentityHashMap<Thread, Integer> seen = new IdentityHashMap<>();
        Thread thread = start;
        while (!seen.containsKey(thread)) {
            Place place = placeOf(thread);
            seen.put(thread, path.size());
            path.add(place);
            thread = place.node.owners.get(0);
        }
        List<Place> cycle = path.subList(seen.get(thread), path.size());
        // The one that came last has the least to lose.
        Place victim = cycle.get(0);
        for (Place place : cycle) {
            if (rank(place) > rank(victim)
                    || (rank(place) == rank(victim) && place.waiter.since > victim.waiter.since)) {
                victim = place;
            }
        }
        List<Place> turned = new ArrayList<>(cycle.subList(cycle.indexOf(victim), cycle.size()));
        turned.addAll(cycle.subList(0, cycle.indexOf(victim)));
        return turned;
    }

    private static int rank(Place place) {
        return mayFail(place) ? 1 : 0;
    }

    private static boolean mayFail(Place place) {
        return place.node.entry.stripe.locker.settings().deadlockDetection()
                == KeyedLockerSettings.DeadlockDetection.FAIL;
    }

    private Place placeOf(Thread thread) {
        Place place = stuck.get(thread);
        if (place == null) {
            throw new AssertionError("a stuck thread waits for a key whose holders are stuck");
        }
        return place;
    }

    /** Step 4: whether everything that can be reached from a cycle is as it was collected. */
    private boolean stillStands(List<Place> cycle) {
        Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<Place> open = new ArrayDeque<>(cycle);
        for (Place place = open.poll(); place != null; place = open.poll()) {
            if (place.waiter.result != null) {
                return false;
            }
            // Once per key: as many may wait for it as hold it.
            if (seen.add(place.node)) {
                if (!isHeldAsCollected(place.node)) {
                    return false;
                }
                place.node.owners.forEach(owner -> open.add(placeOf(owner)));
            }
        }
        return true;
    }

    private static boolean isHeldAsCollected(Node node) {
        Stripe stripe = node.entry.stripe;
        stripe.lock();
        try {
            List<Hold> holds = new ArrayList<>();
            node.entry.forEachHold(holds::add);
            return holds.equals(node.holds);
        } finally {
            stripe.unlock();
        }
    }

    private void resolve(List<Place> cycle) {
        Place victim = cycle.get(0);
        String words = describe(cycle);
        if (mayFail(victim)) {
            fail(victim.waiter, words);
        } else if (!victim.waiter.reported) {
            cycle.forEach(place -> place.waiter.reported = true);
            Messages.warn(victim.waiter.entry.stripe.locker.settings(), words, null);
        }
    }

    private static void fail(Waiter waiter, String words) {
        Stripe stripe = waiter.entry.stripe;
        stripe.lock();
        if (waiter.result != null) {
            stripe.unlock();
            return;
        }
        waiter.deadlock = words;
        stripe.leaveAndUnlock(waiter, RejectReason.DEADLOCK, true);
        waiter.unparkThread();
    }

    private static String describe(List<Place> cycle) {
        return "deadlock of " + cycle.size() + " threads: " + list(cycle, DeadlockSearch::describe, "; ");
    }

    private static String describe(Place place) {
        return name(place.waiter.thread) + " waits for " + Messages.describe(place.node.entry) + ", held by "
                + list(place.node.owners, DeadlockSearch::name, " and ");
    }

    /** Names so many and counts the others, as thousands may be in a cycle. */
    private static <T> String list(List<T> all, Function<T, String> words, String separator) {
        String named = all.stream().limit(MOST_NAMED).map(words).collect(Collectors.joining(separator));
        return all.size() <= MOST_NAMED ? named : named + separator + (all.size() - MOST_NAMED) + " more";
    }

    private static String name(@Nullable Thread thread) {
        return thread == null
                ? "nobody"
                : "thread " + (thread.getName().isEmpty() ? "#" + Threads.idOf(thread) : "'" + thread.getName() + "'");
    }
}
