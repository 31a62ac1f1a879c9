// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * What the samples of a run say.
 *
 * @param conditions the last note of each section
 */
record Report(Results results, String command, Map<String, String> machine, String conditions) {

    /** Returns the ratios to other locks, and what has limits. */
    ResultFile engine() {
        return section(
                "Engine",
                Map.of(),
                rows(Row.ENGINE),
                "*By hand* is `ConcurrentHashMap.compute` with a counted `ReentrantLock`. The *bare lock* is one"
                        + " `ReentrantLock` without keys.",
                "Times come from the throughput of all threads together. The *share* of a thread is its throughput in an"
                        + " iteration of one second. It depends on the scheduling of the threads as well as on the lock.");
    }

    /** Returns the times of each contestant. */
    ResultFile times() {
        List<Figure> figures = new ArrayList<>();
        for (Workload workload : Workload.values()) {
            for (String gc : results.collectors()) {
                for (Contestants contestant : Contestants.values()) {
                    names(gc, workload, contestant)
                            .forEach(name -> figures.add(figure(gc, workload, contestant, name)));
                }
            }
        }
        return section(
                "Engine, each contestant",
                Versions.of("Guava", "Spring Integration", "xsync", "jkeylockmanager"),
                figures,
                "Time per acquisition and release, without the section in the uncontended workloads and with it on the hot key.");
    }

    /** Returns the heap that keys and waiters use. */
    ResultFile memory() {
        return section(
                "Memory",
                Map.of(),
                rows(Row.MEMORY),
                "Differences of the used heap after full collections, without the keys. The plain `CompletableFuture` of a"
                        + " waiting future is subtracted.");
    }

    private ResultFile section(String title, Map<String, String> peers, List<Figure> figures, String... notes) {
        List<String> all = new ArrayList<>(List.of(notes));
        all.add(conditions);
        return ResultFile.measured(title, command, machine, peers, all, figures);
    }

    private List<Figure> rows(List<Row> rows) {
        List<Figure> figures = new ArrayList<>();
        for (Row row : rows) {
            results.collectors().forEach(gc -> figures.add(row.figure(results, gc)));
        }
        return figures;
    }

    private Figure figure(String gc, Workload workload, Contestants contestant, String name) {
        String what = workload.label + (name.equals(Row.NANOS) ? "" : ": " + name);
        String unit = name.equals(Row.NANOS) ? "ns" : "";
        return Figure.of(what, contestant.label + ", " + gc, unit, Row.of(results, gc, workload, contestant, name));
    }

    /** Returns the names of the measured times; memory has a section of its own. */
    private List<String> names(String gc, Workload workload, Contestants contestant) {
        TreeSet<String> names = new TreeSet<>();
        for (Results.Sample s : results.samples) {
            if (s.gc().equals(gc) && s.workload() == workload && s.contestant() == contestant) {
                names.addAll(s.values().keySet());
            }
        }
        names.removeIf(name -> name.startsWith("B ") || name.equals(Row.BYTES));
        List<String> ordered = new ArrayList<>(names);
        // The time comes first.
        if (ordered.remove(Row.NANOS)) {
            ordered.add(0, Row.NANOS);
        }
        return ordered;
    }
}
