// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import static io.keyedlock.benchmarks.Contestants.BARE;
import static io.keyedlock.benchmarks.Contestants.BY_HAND;
import static io.keyedlock.benchmarks.Contestants.KEYEDLOCK;
import static io.keyedlock.benchmarks.Contestants.KEYEDLOCK_METERS;
import static io.keyedlock.benchmarks.Contestants.KEYEDLOCK_METERS_EXACT;
import static io.keyedlock.benchmarks.Contestants.KEYEDLOCK_METERS_SAMPLED;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The workloads: benchmark classes of JMH, and {@link Figures}. */
@SuppressWarnings("ImmutableEnumChecker") // nobody changes the maps and sets
enum Workload {
    UNCONTENDED_1(
            "uncontended, 1,000 keys, 1 thread",
            UncontendedBenchmark.class,
            1,
            Map.of("keys", "1000"),
            EnumSet.of(KEYEDLOCK, BARE, BY_HAND, KEYEDLOCK_METERS, KEYEDLOCK_METERS_SAMPLED, KEYEDLOCK_METERS_EXACT),
            true),
    UNCONTENDED_2(
            "uncontended, 1,000 keys, 2 threads",
            UncontendedBenchmark.class,
            2,
            Map.of("keys", "1000"),
            EnumSet.of(KEYEDLOCK, BY_HAND),
            false),
    UNCONTENDED_16(
            "uncontended, 1,000 keys, 16 threads",
            UncontendedBenchmark.class,
            16,
            Map.of("keys", "1000"),
            EnumSet.of(KEYEDLOCK, BY_HAND),
            false),
    MILLION_KEYS(
            "1,000,000 keys, 1 thread",
            UncontendedBenchmark.class,
            1,
            Map.of("keys", "1000000"),
            EnumSet.of(KEYEDLOCK, BY_HAND),
            false),
    HOT_KEY("hot key, 16 threads", HotKeyBenchmark.class, 16, Map.of(), EnumSet.of(KEYEDLOCK, BARE), true),
    VIRTUAL_THREADS(
            "hot key, 10,000 virtual threads",
            VirtualThreadsBenchmark.class,
            1,
            Map.of(),
            EnumSet.of(KEYEDLOCK, BARE),
            false),
    NEW_LOCKER("a new locker", NewLockerBenchmark.class, 1, Map.of(), EnumSet.of(KEYEDLOCK), false),
    WAITS("wait on the hot key, 16 threads", EnumSet.of(KEYEDLOCK, BARE)),
    HELD_GROWTH("many keys held", EnumSet.of(KEYEDLOCK, BY_HAND)),
    HEAP("heap", EnumSet.of(KEYEDLOCK)),
    GRANTS("granting futures", EnumSet.of(KEYEDLOCK)),
    CANCELLATIONS("cancelling futures", EnumSet.of(KEYEDLOCK));

    final String label;

    /** Null if it is one of the figures. */
    final @Nullable Class<?> benchmark;

    final int threads;

    /** Parameters of the benchmark class besides the contestant. */
    final Map<String, String> parameters;

    /** Returns the contestants that the table requires. */
    private final Set<Contestants> needed;

    private final boolean hasRivals;

    Workload(String label, Set<Contestants> needed) {
        this(label, null, 1, Map.of(), needed, false);
    }

    Workload(
            String label,
            @Nullable Class<?> benchmark,
            int threads,
            Map<String, String> parameters,
            Set<Contestants> needed,
            boolean hasRivals) {
        this.label = label;
        this.benchmark = benchmark;
        this.threads = threads;
        this.parameters = parameters;
        this.needed = needed;
        this.hasRivals = hasRivals;
    }

    /** Returns whether it keeps a permit for each of many futures, which a small young generation would copy. */
    boolean keepsPermits() {
        return this == GRANTS || this == CANCELLATIONS;
    }

    /** Returns the contestants, in the order of their forks; with the rivals if there are any here. */
    List<Contestants> contestants(boolean rivals) {
        List<Contestants> those = new ArrayList<>();
        for (Contestants c : Contestants.values()) {
            if (needed.contains(c) || (rivals && hasRivals && c.isRival())) {
                those.add(c);
            }
        }
        return those;
    }
}
