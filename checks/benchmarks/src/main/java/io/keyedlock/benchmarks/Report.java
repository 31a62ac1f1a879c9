// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/** Results as Markdown: the table of ratios, what else was measured, and the names of the missed rows. */
final class Report {

    private final Results results;

    Report(Results results) {
        this.results = results;
    }

    String markdown() {
        StringBuilder text = new StringBuilder();
        results.environment.forEach((name, value) ->
                text.append("- ").append(name).append(": ").append(value).append('\n'));
        for (String gc : results.collectors()) {
            text.append("\n### ").append(gc).append("\n\n");
            ratios(text, gc);
        }
        for (String gc : results.collectors()) {
            text.append("\n### All, ").append(gc).append("\n\n");
            everything(text, gc);
        }
        return text.toString();
    }

    private void ratios(StringBuilder text, String gc) {
        text.append("| workload | median | range of forks | best | must | aim | |\n|---|---|---|---|---|---|---|\n");
        StringBuilder missed = new StringBuilder();
        for (Row row : Row.ALL) {
            Spread spread = row.source().of(results, gc);
            String verdict = row.verdict(spread);
            text.append("| ").append(row.text()).append(" | ");
            if (spread.isEmpty()) {
                text.append("| | ");
            } else {
                text.append("**").append(number(spread.median())).append("**").append(unit(row));
                text.append(" | ").append(number(spread.least())).append(" to ").append(number(spread.most()));
                text.append(" | ").append(number(spread.best()));
            }
            text.append(" | ").append(limit(row.must())).append(" | ").append(limit(row.aim()));
            text.append(" | ").append(verdict).append(" |\n");
            if (verdict.contains("MISSED")) {
                missed.append(missed.isEmpty() ? "" : "; ").append(row.text());
            }
        }
        text.append("\nMissed: ").append(missed.isEmpty() ? "none" : missed).append(".\n");
    }

    private void everything(StringBuilder text, String gc) {
        text.append("| workload | who | figure | median | range of forks | forks |\n|---|---|---|---|---|---|\n");
        for (Workload workload : Workload.values()) {
            for (Contestants contestant : Contestants.values()) {
                for (String name : names(gc, workload, contestant)) {
                    Spread spread = Row.of(results, gc, workload, contestant, name);
                    text.append("| ").append(workload.label).append(" | ").append(contestant.label);
                    text.append(" | ").append(name).append(" | ").append(number(spread.median()));
                    text.append(" | ")
                            .append(number(spread.least()))
                            .append(" to ")
                            .append(number(spread.most()));
                    text.append(" | ").append(spread.medians().size()).append(" |\n");
                }
            }
        }
    }

    private List<String> names(String gc, Workload workload, Contestants contestant) {
        TreeSet<String> names = new TreeSet<>();
        for (Results.Sample s : results.samples) {
            if (s.gc().equals(gc) && s.workload() == workload && s.contestant() == contestant) {
                names.addAll(s.values().keySet());
            }
        }
        return List.copyOf(names);
    }

    private static String unit(Row row) {
        return row.unit().isEmpty() ? "" : " " + row.unit();
    }

    private static String limit(double limit) {
        return Double.isNaN(limit) ? "" : "≤ " + number(limit);
    }

    static String number(double value) {
        double size = Math.abs(value);
        String format = size >= 100 ? "%,.0f" : size >= 10 ? "%.1f" : size >= 0.01 || size == 0 ? "%.2f" : "%.5f";
        return String.format(Locale.ROOT, format, value);
    }
}
