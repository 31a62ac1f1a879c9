// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The samples of a run of {@link Table}. */
final class Results {

    final List<Sample> samples = new ArrayList<>();

    /**
     * One fork.
     *
     * @param values by name, in the unit of the name; several if the fork had several iterations
     */
    record Sample(String gc, int fork, Workload workload, Contestants contestant, Map<String, List<Double>> values) {}

    /** The values of one name by fork. */
    Map<Integer, List<Double>> values(String gc, Workload workload, Contestants contestant, String name) {
        Map<Integer, List<Double>> byFork = new TreeMap<>();
        for (Sample s : samples) {
            List<Double> values = s.values().get(name);
            if (s.gc().equals(gc) && s.workload() == workload && s.contestant() == contestant && values != null) {
                byFork.put(s.fork(), values);
            }
        }
        return byFork;
    }

    List<String> collectors() {
        return samples.stream().map(Sample::gc).distinct().toList();
    }
}
