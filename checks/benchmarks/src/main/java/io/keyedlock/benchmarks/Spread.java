// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BinaryOperator;

/** One figure over all forks: the median of each, and the best single iteration. */
public record Spread(Map<Integer, Double> medians, double best) {

    public static Spread of(Map<Integer, List<Double>> byFork) {
        Map<Integer, Double> medians = new TreeMap<>();
        byFork.forEach((fork, values) -> medians.put(fork, median(values)));
        double best = byFork.values().stream()
                .flatMap(List::stream)
                .mapToDouble(Double::doubleValue)
                .min()
                .orElse(Double.NaN);
        return new Spread(medians, best);
    }

    /** The same of the forks that both have, figure by figure. */
    public Spread with(Spread other, BinaryOperator<Double> operation) {
        Map<Integer, Double> combined = new TreeMap<>();
        medians.forEach((fork, value) -> {
            Double theirs = other.medians.get(fork);
            if (theirs != null) {
                combined.put(fork, operation.apply(value, theirs));
            }
        });
        return new Spread(combined, operation.apply(best, other.best));
    }

    Spread over(Spread other) {
        return with(other, (a, b) -> a / b);
    }

    Spread minus(Spread other) {
        return with(other, (a, b) -> a - b);
    }

    public boolean isEmpty() {
        return medians.isEmpty();
    }

    public double median() {
        return median(medians.values());
    }

    public double least() {
        return medians.values().stream().min(Double::compare).orElse(Double.NaN);
    }

    public double most() {
        return medians.values().stream().max(Double::compare).orElse(Double.NaN);
    }

    public static double median(Collection<Double> values) {
        double[] sorted =
                values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int n = sorted.length;
        return n == 0 ? Double.NaN : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    }
}
