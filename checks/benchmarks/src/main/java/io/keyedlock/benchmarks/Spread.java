// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BinaryOperator;

/** One figure over all forks or rounds: the median of each. */
public record Spread(Map<Integer, Double> medians) {

    public static Spread of(Map<Integer, List<Double>> byFork) {
        Map<Integer, Double> medians = new TreeMap<>();
        byFork.forEach((fork, values) -> medians.put(fork, median(values)));
        return new Spread(medians);
    }

    /** Returns the spread of rounds, one value each. NaN stands for none. */
    public static Spread of(List<Double> rounds) {
        Map<Integer, Double> medians = new TreeMap<>();
        for (int round = 0; round < rounds.size(); round++) {
            if (!Double.isNaN(rounds.get(round))) {
                medians.put(round, rounds.get(round));
            }
        }
        return new Spread(medians);
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
        return new Spread(combined);
    }

    /** Returns the ratios to another, turn by turn. */
    public Spread over(Spread other) {
        return with(other, (a, b) -> a / b);
    }

    /** Returns the differences to another, turn by turn. */
    public Spread minus(Spread other) {
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
