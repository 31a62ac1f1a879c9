// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import static io.keyedlock.benchmarks.Contestants.BARE;
import static io.keyedlock.benchmarks.Contestants.BY_HAND;
import static io.keyedlock.benchmarks.Contestants.KEYEDLOCK;
import static io.keyedlock.benchmarks.Contestants.KEYEDLOCK_METERS;
import static io.keyedlock.benchmarks.Contestants.KEYEDLOCK_METERS_EXACT;
import static io.keyedlock.benchmarks.Contestants.KEYEDLOCK_METERS_SAMPLED;

import java.util.List;

/**
 * One row of the table: a ratio, or a figure with its unit.
 *
 * @param must the limit that this project has set itself
 * @param aim a better value that it would like to reach
 */
record Row(String text, String unit, double must, double aim, Source source) {

    /** Where the figures of a row come from. */
    @FunctionalInterface
    interface Source {
        Spread of(Results results, String gc);
    }

    /** The names of values in the results. */
    static final String NANOS = "ns/op";

    static final String BYTES = "B/op";

    /** The throughput of the thread that ran most, divided by that of the one that ran least. */
    static final String SHARES = "largest to smallest share of a thread";

    static final List<Row> ENGINE = List.of(
            ratio("uncontended, 1 thread, to bare lock", Workload.UNCONTENDED_1, KEYEDLOCK, BARE, 2.0, 1.2),
            ratio("uncontended, 1 thread, to by-hand", Workload.UNCONTENDED_1, KEYEDLOCK, BY_HAND, 0.30, 0.20),
            ratio("uncontended, 2 threads, to by-hand", Workload.UNCONTENDED_2, KEYEDLOCK, BY_HAND, 0.35, 0.20),
            ratio("uncontended, 16 threads, to by-hand", Workload.UNCONTENDED_16, KEYEDLOCK, BY_HAND, 0.30, 0.15),
            ratio("1,000,000 keys, 1 thread, to by-hand", Workload.MILLION_KEYS, KEYEDLOCK, BY_HAND, 0.8, 0.5),
            ratio("hot key, 100 ns, 16 threads, to bare lock", Workload.HOT_KEY, KEYEDLOCK, BARE, 1.1, 0.8),
            figure(
                    "hot key, 100 ns, 16 threads, largest to smallest share of a thread",
                    "",
                    Workload.HOT_KEY,
                    SHARES,
                    Double.NaN,
                    Double.NaN),
            ratio("hot key, 10,000 virtual threads, to bare lock", Workload.VIRTUAL_THREADS, KEYEDLOCK, BARE, 1.1, 1.0),
            figure("wait on the hot key, 99.9th percentile", "ms", Workload.WAITS, HotKeyWaits.P999, 25, 15),
            figure(
                    "wait on the hot key, 99.9th percentile of the waits over 1 µs",
                    "ms",
                    Workload.WAITS,
                    HotKeyWaits.P999_REAL,
                    Double.NaN,
                    Double.NaN),
            figure("wait on the hot key, maximum", "ms", Workload.WAITS, HotKeyWaits.MAX, Double.NaN, Double.NaN),
            new Row(
                    "growth of the cost per held key from 1,000 to 1,000,000, to by-hand",
                    "",
                    1.3,
                    1.0,
                    (r, gc) -> growth(r, gc, KEYEDLOCK).over(growth(r, gc, BY_HAND))),
            figure("a new locker, time", "ns", Workload.NEW_LOCKER, NANOS, 5_000, 1_000),
            new Row(
                    "grant, 1,000,000 futures on 1,000 keys, to 1,000 on one",
                    "",
                    3,
                    1.5,
                    (r, gc) -> of(r, gc, Workload.GRANTS, KEYEDLOCK, Grants.MANY)
                            .over(of(r, gc, Workload.GRANTS, KEYEDLOCK, Grants.FEW))),
            new Row(
                    "cancel, 100,000 waiters of one key, to 1,000",
                    "",
                    3,
                    1.5,
                    (r, gc) -> of(r, gc, Workload.CANCELLATIONS, KEYEDLOCK, Cancellations.MANY)
                            .over(of(r, gc, Workload.CANCELLATIONS, KEYEDLOCK, Cancellations.FEW))),
            ratio(
                    "with meters, no holds timed, to by-hand without",
                    Workload.UNCONTENDED_1,
                    KEYEDLOCK_METERS,
                    BY_HAND,
                    1.0,
                    0.5),
            ratio(
                    "with meters, holds sampled (default), to by-hand without",
                    Workload.UNCONTENDED_1,
                    KEYEDLOCK_METERS_SAMPLED,
                    BY_HAND,
                    3.0,
                    1.5),
            ratio(
                    "with meters, holds exact, to by-hand without",
                    Workload.UNCONTENDED_1,
                    KEYEDLOCK_METERS_EXACT,
                    BY_HAND,
                    Double.NaN,
                    Double.NaN),
            new Row(
                    "timing of holds, sampled (default), per acquisition and release",
                    "ns",
                    40,
                    20,
                    (r, gc) -> of(r, gc, Workload.UNCONTENDED_1, KEYEDLOCK_METERS_SAMPLED, NANOS)
                            .minus(of(r, gc, Workload.UNCONTENDED_1, KEYEDLOCK_METERS, NANOS))),
            new Row(
                    "timing of holds, exact, per acquisition and release",
                    "ns",
                    Double.NaN,
                    Double.NaN,
                    (r, gc) -> of(r, gc, Workload.UNCONTENDED_1, KEYEDLOCK_METERS_EXACT, NANOS)
                            .minus(of(r, gc, Workload.UNCONTENDED_1, KEYEDLOCK_METERS, NANOS))));

    static final List<Row> MEMORY = List.of(
            figure("bytes per operation", "B", Workload.UNCONTENDED_1, BYTES, 56, 40),
            figure("heap per held key", "B", Workload.HEAP, HeapUse.HELD, 96, 64),
            figure("heap per waiting future", "B", Workload.HEAP, HeapUse.WAITING, 160, 96),
            figure("retained after 1,000,000 keys one by one", "B", Workload.HEAP, HeapUse.RETAINED, 100_000, 0),
            figure("a new locker, bytes", "B", Workload.NEW_LOCKER, BYTES, 4_096, 1_024));

    static Spread of(Results results, String gc, Workload workload, Contestants contestant, String name) {
        return Spread.of(results.values(gc, workload, contestant, name));
    }

    private static Spread growth(Results results, String gc, Contestants contestant) {
        return of(results, gc, Workload.HELD_GROWTH, contestant, HeldGrowth.MANY)
                .over(of(results, gc, Workload.HELD_GROWTH, contestant, HeldGrowth.FEW));
    }

    Figure figure(Results results, String gc) {
        return Figure.of(text, "keyedlock, " + gc, unit, source.of(results, gc)).atMost(must, aim);
    }

    private static Row ratio(
            String text, Workload workload, Contestants ours, Contestants theirs, double must, double aim) {
        return new Row(
                text,
                "",
                must,
                aim,
                (r, gc) -> of(r, gc, workload, ours, NANOS).over(of(r, gc, workload, theirs, NANOS)));
    }

    private static Row figure(String text, String unit, Workload workload, String name, double must, double aim) {
        return new Row(text, unit, must, aim, (r, gc) -> of(r, gc, workload, KEYEDLOCK, name));
    }
}
