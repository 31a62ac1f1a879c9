// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One search for threads that wait for each other, over all active lockers. Runs on the scanning thread only, and runs no
 * foreign code. Its cost depends on the holders of awaited keys only, however many threads wait for them, because a thread that
 * holds nothing is in no cycle.
 *
 * <pre>
 * 1. Collect, stripe by stripe, the keys that have been awaited for some time, with their holds.
 * 2. Find out what the threads that own these holds are parked for ({@link LockSupport#getBlocker}): a {@link Waiter} of one
 *    of these keys, or something else.
 * 3. A key is live if it has a free permit, a hold that no thread owns, or a hold of a thread that does not wait for one
 *    of these keys. A thread that waits for a live key is not stuck, which makes the keys it holds live, and so on.
 *    The remaining threads are stuck, if everything observed was true at one moment.
 * 4. Follow from a stuck thread to a holder of its key, and so on, until a thread occurs a second time: a cycle.
 * 5. Check every key that can be reached from the cycle again: each waiter must still be in its queue and each hold must be
 *    the same. As neither ever returns once it has ended, all of this was true at the end of step 2; and as none of these
 *    threads can proceed before a wait time ends, it still is.
 * 6. Fail one waiter of the cycle, whose holds become live, and continue with the remaining threads.
 * 7. Repeat 3 to 5 with threads that are parked for something else while a future that they requested waits for one of these
 *    keys. Whether they are parked for that future cannot be known, so such a cycle is only reported.
 * </pre>
 *
 * <p>A thread that is interrupted, whose wait time ends, or whose permit another thread closes, may leave a cycle between 5 and
 * 6. Then either its waiter is no longer in the queue, or the victim fails although it might have proceeded a moment later.
 */
final class DeadlockSearch {

    /** The minimum length of a wait that is searched, in nanoseconds. */
    private static final long SUSPICIOUS_AFTER = 500_000_000;

    /** An awaited key, with its holds when it was collected. */
    static final class Node {
        final Entry entry;
        final List<Hold> holds = new ArrayList<>(1);
        final List<Thread> owners = new ArrayList<>(1);

        /** Whether a permit is free, or an asynchronous holder may release one. */
        boolean open;

        /** The waiters of this key whose threads may be stuck. */
        final List<Place> waiters = new ArrayList<>(1);

        boolean live;

        Node(Entry entry) {
            this.entry = entry;
        }
    }

    /** A thread and what it may be stuck for: its own waiter, or that of a future that it requested. */
    record Place(Thread thread, Waiter waiter, Node node) {

        boolean isProven() {
            return waiter.thread == thread;
        }

        boolean isWaiting() {
            return waiter.result == null;
        }
    }

    private final long now;

    /** Returns what a thread is parked for. */
    private final Function<Thread, @Nullable Object> blockers;

    private final IdentityHashMap<Entry, Node> nodes = new IdentityHashMap<>();

    private final IdentityHashMap<Thread, List<Node>> held = new IdentityHashMap<>();

    /** The threads that may be stuck, with what they wait for. */
    private final IdentityHashMap<Thread, Place> stuck = new IdentityHashMap<>();

    DeadlockSearch(long now) {
        this(now, LockSupport::getBlocker);
    }

    DeadlockSearch(long now, Function<Thread, @Nullable Object> blockers) {
        this.now = now;
        this.blockers = blockers;
    }

    /** Returns whether the longest wait for a key makes a search worthwhile. Called under the stripe's lock. */
    static boolean isSuspicious(Entry e, long now) {
        ContendedState contended = e.contendedIfAny();
        // The queue is in the order of arrival.
        return contended != null && contended.head != null && isOld(contended.head, now);
    }

    private static boolean isOld(Waiter w, long now) {
        return now - w.since >= SUSPICIOUS_AFTER;
    }

    /**
     * Searches for cycles and, according to each locker's settings, fails or reports them. Returns the number of proven cycles.
     */
    int run() {
        for (LockerScan scan : Scanner.LOCKERS) {
            Engine locker = scan.get();
            if (locker != null && locker.settings.deadlockDetection() != KeyedLockerSettings.DeadlockDetection.OFF) {
                locker.stripes.all().stream()
                        .filter(DeadlockSearch::isAwaited)
                        .forEach(stripe -> Inspection.forEach(stripe, this::collect));
            }
        }
        IdentityHashMap<Thread, Place> places = new IdentityHashMap<>();
        held.keySet().forEach(owner -> addPlaceOf(owner, places));
        int found = resolveAll(places, true);
        if (addPlacesOfFutures(places)) {
            resolveAll(places, false);
        }
        return found;
    }

    private static boolean isAwaited(Stripe stripe) {
        stripe.lock();
        try {
            return stripe.waiters > 0;
        } finally {
            stripe.unlock();
        }
    }

    private void collect(Entry e) {
        if (!isSuspicious(e, now)) {
            return;
        }
        Node node = new Node(e);
        node.open = e.holdCount() < e.limit();
        e.forEachHold(node.holds::add);
        for (Hold h : node.holds) {
            Thread owner = h.owner;
            if (owner == null) {
                node.open = true;
            } else {
                node.owners.add(owner);
                held.computeIfAbsent(owner, t -> new ArrayList<>(1)).add(node);
            }
        }
        nodes.put(e, node);
    }

    private void addPlaceOf(Thread owner, IdentityHashMap<Thread, Place> places) {
        if (blockers.apply(owner) instanceof Waiter w && w.thread == owner && isOld(w, now)) {
            Node node = nodes.get(w.entry);
            if (node != null) {
                places.put(owner, new Place(owner, w, node));
            }
        }
    }

    private boolean addPlacesOfFutures(IdentityHashMap<Thread, Place> places) {
        int before = places.size();
        for (Node node : nodes.values()) {
            if (!node.open && node.owners.stream().allMatch(owner -> blockers.apply(owner) != null)) {
                for (Waiter w : new Inspection.QueueWalk(node.entry).all()) {
                    Thread requester = w.requester;
                    if (requester != null
                            && held.containsKey(requester)
                            && blockers.apply(requester) != null
                            && isOld(w, now)) {
                        places.putIfAbsent(requester, new Place(requester, w, node));
                    }
                }
            }
        }
        return places.size() > before;
    }

    /**
     * Finds all cycles among the given threads, and fails or reports them.
     *
     * @param certain whether each thread is known to wait for its key. If not, even a cycle of threads that are may depend on
     *     one that is not
     */
    private int resolveAll(IdentityHashMap<Thread, Place> places, boolean certain) {
        stuck.clear();
        nodes.values().forEach(node -> {
            node.waiters.clear();
            node.live = node.open;
        });
        for (Place place : places.values()) {
            if (place.isWaiting()) {
                stuck.put(place.thread, place);
                place.node.waiters.add(place);
            }
        }
        releaseFromLiveKeys();
        int found = 0;
        for (Thread thread : List.copyOf(stuck.keySet())) {
            while (stuck.containsKey(thread)) {
                DeadlockCycle cycle = findDeadlockCycle(thread);
                if (stillStands(cycle)) {
                    found++;
                    resolve(cycle, certain);
                }
                // Whether it failed, was reported or has left: the threads that wait for it are examined without it.
                release(cycle.places().get(0));
            }
        }
        return found;
    }

    private void releaseFromLiveKeys() {
        for (Node node : nodes.values()) {
            node.live |= !node.owners.stream().allMatch(stuck::containsKey);
        }
        Deque<Node> live = new ArrayDeque<>();
        nodes.values().stream().filter(n -> n.live).forEach(live::add);
        spread(live);
    }

    /** Removes a thread that was failed or is not stuck, and the threads that wait for what it holds. */
    private void release(Place place) {
        Deque<Node> live = new ArrayDeque<>();
        release(place, live);
        spread(live);
    }

    private void spread(Deque<Node> live) {
        for (Node node = live.poll(); node != null; node = live.poll()) {
            for (Place place : node.waiters) {
                release(place, live);
            }
        }
    }

    private void release(Place place, Deque<Node> live) {
        if (stuck.remove(place.thread) == null) {
            return;
        }
        for (Node node : held.getOrDefault(place.thread, List.of())) {
            if (!node.live) {
                node.live = true;
                live.add(node);
            }
        }
    }

    /** Returns the cycle to which the waits of a stuck thread lead, starting with the thread to fail. */
    private DeadlockCycle findDeadlockCycle(Thread start) {
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
        // The thread that has waited for the shortest time loses least.
        int victim = 0;
        for (int i = 1; i < cycle.size(); i++) {
            if (losesLess(cycle.get(i), cycle.get(victim))) {
                victim = i;
            }
        }
        List<Place> turned = new ArrayList<>(cycle);
        Collections.rotate(turned, -victim);
        return new DeadlockCycle(turned);
    }

    private static boolean losesLess(Place one, Place other) {
        return mayFail(one) == mayFail(other) ? one.waiter.since > other.waiter.since : mayFail(one);
    }

    private static boolean mayFail(Place place) {
        return place.node.entry.stripe.locker.settings.deadlockDetection()
                == KeyedLockerSettings.DeadlockDetection.FAIL;
    }

    private Place placeOf(Thread thread) {
        Place place = stuck.get(thread);
        if (place == null) {
            throw new AssertionError("a stuck thread waits for a key whose holders are stuck");
        }
        return place;
    }

    /** Step 5: returns whether everything that can be reached from a cycle is as it was collected. */
    private boolean stillStands(DeadlockCycle cycle) {
        Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<Place> open = new ArrayDeque<>(cycle.places());
        for (Place place = open.poll(); place != null; place = open.poll()) {
            if (!place.isWaiting()) {
                return false;
            }
            // Once per key, because each of its holders may lead here.
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

    private static void resolve(DeadlockCycle cycle, boolean certain) {
        Place victim = cycle.places().get(0);
        if (!certain) {
            reportOnce(cycle, cycle::reportSuspicion);
        } else if (mayFail(victim)) {
            fail(victim.waiter, cycle);
        } else {
            reportOnce(cycle, cycle::report);
        }
    }

    private static void reportOnce(DeadlockCycle cycle, Runnable report) {
        if (!cycle.places().get(0).waiter.reported) {
            Background.execute(report);
            cycle.places().forEach(place -> place.waiter.reported = true);
        }
    }

    private static void fail(Waiter waiter, DeadlockCycle cycle) {
        Stripe stripe = waiter.entry.stripe;
        stripe.lock();
        if (waiter.result != null) {
            stripe.unlock();
            return;
        }
        waiter.deadlock = cycle;
        stripe.cancelAndUnlock(waiter, RejectReason.DEADLOCK, true);
        waiter.unparkThread();
    }
}
