// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import com.google.gson.Gson;
import java.util.List;
import java.util.Map;

/** Measures, in this JVM, one workload other than time per operation, and prints the result as a line of JSON. */
final class Figures {

    /** The beginning of the line with the result. */
    static final String MARK = "figures: ";

    private Figures() {}

    /** Expects a workload, a contestant, the length of the section, and whether to be quick. */
    public static void main(String[] args) throws Exception {
        Workload workload = Workload.valueOf(args[0]);
        Contestants contestant = Contestants.valueOf(args[1]);
        long tokens = Long.parseLong(args[2]);
        boolean quick = Boolean.parseBoolean(args[3]);
        Map<String, List<Double>> values = switch (workload) {
            case WAITS -> HotKeyWaits.measure(contestant, tokens, quick ? 2 : 6);
            case HELD_GROWTH -> HeldGrowth.measure(contestant, quick ? 3 : 7);
            case HEAP -> HeapUse.measure();
            case GRANTS -> Grants.measure(quick ? 2 : 5);
            case CANCELLATIONS -> Cancellations.measure(quick ? 3 : 9);
            default -> throw new IllegalArgumentException(workload + " is measured by JMH");
        };
        System.out.println(MARK + new Gson().toJson(values));
        // Not waiting for threads of the contestants.
        System.exit(0);
    }
}
