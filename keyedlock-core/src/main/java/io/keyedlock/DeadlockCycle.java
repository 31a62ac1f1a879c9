// SPDX-License-Identifier: Apache-2.0
package io.keyedlock;

import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * A cycle of threads that wait for each other, starting with the thread to fail. Described by that thread, because the text of a
 * key is foreign code.
 */
record DeadlockCycle(List<DeadlockSearch.Place> places) {

    /** The maximum number of threads, and of holders of a key, that a message names. */
    private static final int MOST_NAMED = 16;

    void report() {
        Messages.warn(settings(), toString(), null);
    }

    void reportSuspicion() {
        String description = "possible " + this;
        List<List<StackTraceElement>> stacks = places.stream()
                .limit(MOST_NAMED)
                .map(place -> List.of(place.thread().getStackTrace()))
                .toList();
        StringBuilder log = new StringBuilder(description);
        for (int i = 0; i < stacks.size(); i++) {
            log.append("\n").append(name(places.get(i).thread())).append(":");
            stacks.get(i).forEach(frame -> log.append("\n\tat ").append(frame));
        }
        Messages.warn(settings(), log.toString(), null);
        for (DeadlockSearch.Place place : places) {
            Entry e = place.node().entry;
            CompositeListener listeners = e.stripe.locker.listeners;
            if (!place.isProven() && listeners != null) {
                listeners.suspectedDeadlock(e.key, description, stacks);
            }
        }
    }

    private KeyedLockerSettings settings() {
        return places.get(0).node().entry.stripe.locker.settings;
    }

    @Override
    public String toString() {
        return "deadlock of " + places.size() + (places.size() == 1 ? " thread: " : " threads: ")
                + list(places, DeadlockCycle::describe, "; ");
    }

    private static String describe(DeadlockSearch.Place place) {
        return name(place.thread())
                + (place.isProven() ? " waits for " : " is blocked after it requested a future of ")
                + Messages.describe(place.node().entry) + ", held by "
                + list(place.node().owners, DeadlockCycle::name, " and ");
    }

    /** Names the first elements and counts the others, because a cycle may have thousands. */
    private static <T> String list(List<T> all, Function<T, String> text, String separator) {
        String named = all.stream().limit(MOST_NAMED).map(text).collect(Collectors.joining(separator));
        return all.size() <= MOST_NAMED ? named : named + separator + (all.size() - MOST_NAMED) + " more";
    }

    private static String name(Thread thread) {
        return "thread "
                + (thread.getName().isEmpty()
                        ? "#" + Threads.idOf(thread)
                        : "'" + KeyText.inLine(thread.getName()) + "'");
    }
}
