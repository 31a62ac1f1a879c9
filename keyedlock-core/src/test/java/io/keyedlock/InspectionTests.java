// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Inspections visit a stripe in short sections and miss no entry that is present throughout. */
class InspectionTests {

    private static final int MANY = 20 * Inspection.PORTION;

    private final DefaultKeyedLocker<Object> locker = DefaultKeyedLocker.create(KeyedLockerSettings.defaults(), null);

    /** Returns keys of the stripe of hash 0. */
    private final Stripe stripe = locker.stripes.of(0);

    private final List<Permit> held = new ArrayList<>();

    private void hold(int from, int to) {
        for (int i = from; i < to; i++) {
            held.add((Permit) stripeDoes(i, i));
        }
    }

    private AcquireResult stripeDoes(Object key, int hash) {
        stripe.lock();
        try {
            return stripe.acquireNew(key, hash, null, 0);
        } finally {
            stripe.unlock();
        }
    }

    private void release(int from, int to) {
        held.subList(from, to).forEach(Permit::close);
    }

    /** Visits the stripe and returns the number of entries of each section. */
    private List<Integer> sections(Consumer<Entry> action, Runnable between) {
        List<Integer> sections = new ArrayList<>(List.of(0));
        Inspection.forEach(
                stripe,
                e -> {
                    sections.set(sections.size() - 1, sections.get(sections.size() - 1) + 1);
                    action.accept(e);
                },
                () -> {
                    sections.add(0);
                    between.run();
                });
        return sections;
    }

    @Test
    void criticalSectionVisitsAtMostAPortionAndAChain() {
        hold(0, MANY);
        Set<Entry> seen = new HashSet<>();
        assertThat(sections(seen::add, () -> {}))
                .hasSizeGreaterThanOrEqualTo(20)
                .allMatch(entries -> entries <= Inspection.PORTION + 16);
        assertThat(seen).hasSize(MANY);
    }

    @Test
    void eachRemainingEntryIsVisitedOnceWhileTheTableGrows() {
        hold(0, MANY);
        int before = stripe.size();
        meetsEachThatStaysOnce(0, () -> {
            if (held.size() == MANY) {
                hold(MANY, 10 * MANY);
            }
        });
        assertThat(stripe.size()).isGreaterThan(before);
    }

    @Test
    void eachRemainingEntryIsVisitedOnceWhileTheTableShrinks() {
        hold(0, MANY);
        int before = stripe.size();
        meetsEachThatStaysOnce(MANY - 100, () -> release(0, MANY - 100));
        assertThat(stripe.size()).isLessThan(before);
    }

    private void meetsEachThatStaysOnce(int from, Runnable between) {
        IdentityHashMap<Object, Integer> met = new IdentityHashMap<>();
        List<Permit> stay = List.copyOf(held.subList(from, MANY));
        sections(e -> met.merge(e, 1, Integer::sum), between);
        assertThat(met.values()).allMatch(times -> times == 1);
        assertThat(stay).allMatch(met::containsKey);
    }

    // ---- long queues

    private static final String KEY = "k";

    private final Permit holder = (Permit) ask();

    private final List<Waiter> queue = new ArrayList<>();

    private AcquireResult ask() {
        return locker.attempt(KEY, DefaultKeyedLocker.hash(KEY), new Thread(() -> {}), Long.MAX_VALUE, null, false);
    }

    private void enqueueCaller(int count) {
        for (int i = 0; i < count; i++) {
            queue.add((Waiter) ask());
        }
    }

    private static void leave(List<Waiter> waiters) {
        for (Waiter w : waiters) {
            Stripe stripe = w.entry.stripe;
            stripe.lock();
            stripe.cancelAndUnlock(w, RejectReason.CANCELLED, false);
        }
    }

    private Inspection.QueueWalk walk() {
        enqueueCaller(5 * Inspection.PORTION);
        return new Inspection.QueueWalk(((Hold) holder).entry());
    }

    private static int portions(Inspection.QueueWalk walk) {
        int portions = 1;
        while (!walk.copyNext()) {
            portions++;
        }
        return portions;
    }

    @Test
    void queueIsCopiedInPortionsAndInOrder() {
        Inspection.QueueWalk walk = walk();
        assertThat(portions(walk)).isEqualTo(5);
        assertThat(walk.all()).isEqualTo(queue);
    }

    @Test
    void copyContinuesAfterTheLastCopiedWaiterThatRemains() {
        Inspection.QueueWalk walk = walk();
        walk.copyNext();
        walk.copyNext();
        leave(queue.subList(10, 3 * Inspection.PORTION));
        portions(walk);
        assertThat(walk.all())
                .doesNotHaveDuplicates()
                .containsSubsequence(queue.subList(0, 10))
                .endsWith(queue.subList(3 * Inspection.PORTION, queue.size()).toArray(new Waiter[0]));
    }

    @Test
    void copyContinuesAtTheHeadIfAllCopiedWaitersHaveLeft() {
        Inspection.QueueWalk walk = walk();
        walk.copyNext();
        leave(queue.subList(0, 2 * Inspection.PORTION));
        portions(walk);
        assertThat(walk.all())
                .doesNotHaveDuplicates()
                .endsWith(queue.subList(2 * Inspection.PORTION, queue.size()).toArray(new Waiter[0]));
    }

    @Test
    void copyEndsWhileOthersKeepEnqueuing() {
        Inspection.QueueWalk walk = walk();
        walk.copyNext();
        List<Waiter> before = List.copyOf(queue);
        while (!walk.copyNext()) {
            enqueueCaller(Inspection.PORTION);
        }
        assertThat(walk.all().subList(0, before.size())).isEqualTo(before);
    }

    @Test
    void snapshotContainsTheWholeOfALongQueue() {
        enqueueCaller(3 * Inspection.PORTION + 1);
        assertThat(locker.snapshot(KEY).orElseThrow().waiters()).hasSize(3 * Inspection.PORTION + 1);
        assertThat(locker.snapshot())
                .filteredOn(s -> Objects.equals(s.key(), KEY))
                .singleElement()
                .satisfies(s -> assertThat(s.waiters()).hasSize(3 * Inspection.PORTION + 1));
    }
}
