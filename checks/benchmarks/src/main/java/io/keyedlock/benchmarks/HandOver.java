// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The measurements of two processes that alternate in sections of one key.
 *
 * @param micros the median time from the end of a section of one process to the beginning of the next of the other
 * @param costOfSection what the processes cost their server per section
 */
public record HandOver(double micros, double costOfSection) {

    /** Something that grows while sections are passed. */
    public interface Cost {
        double now() throws IOException;
    }

    /** Starts two JVMs with a program that calls {@link #pass}. */
    public static HandOver measure(Cost cost, String... program) throws Exception {
        List<Process> processes = new ArrayList<>();
        List<BufferedReader> outputs = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            List<String> command = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Xmx256m",
                    "-Dslf4j.internal.verbosity=ERROR",
                    "-cp",
                    System.getProperty("java.class.path")));
            command.addAll(List.of(program));
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            processes.add(process);
            outputs.add(process.inputReader(StandardCharsets.UTF_8));
        }
        for (BufferedReader output : outputs) {
            String line = output.readLine();
            while (line != null && !line.equals("ready")) {
                line = output.readLine();
            }
        }
        double before = cost.now();
        for (Process process : processes) {
            process.getOutputStream().write('\n');
            process.getOutputStream().flush();
        }
        record Passed(int process, long from, long to) {}
        List<Passed> all = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            List<Long> times = outputs.get(i)
                    .lines()
                    .filter(line -> line.matches("\\d+"))
                    .map(Long::parseLong)
                    .toList();
            for (int j = 0; j + 1 < times.size(); j += 2) {
                all.add(new Passed(i, times.get(j), times.get(j + 1)));
            }
            processes.get(i).waitFor();
        }
        double costOfSection = (cost.now() - before) / all.size();
        all.sort(Comparator.comparingLong(Passed::from));
        List<Double> gaps = new ArrayList<>();
        for (int i = 1; i < all.size(); i++) {
            if (all.get(i).process() != all.get(i - 1).process()) {
                gaps.add((all.get(i).from() - all.get(i - 1).to()) / 1e3);
            }
        }
        return new HandOver(Spread.median(gaps), costOfSection);
    }

    /** Runs sections in sequence when the other process is ready too, and prints when each began and ended. */
    public static void pass(LockFigures.Section section, int warmUp, int sections) throws Exception {
        long[] times = new long[2 * sections];
        int[] at = new int[1];
        // The first calls connect, load what they need and are compiled.
        for (int i = 0; i < warmUp; i++) {
            section.pass(() -> {});
        }
        System.out.println("ready");
        System.in.read();
        for (int i = 0; i < sections; i++) {
            section.pass(() -> {
                times[at[0]++] = System.nanoTime();
                times[at[0]++] = System.nanoTime();
            });
        }
        StringBuilder all = new StringBuilder();
        for (long time : times) {
            all.append(time).append('\n');
        }
        System.out.print(all);
        System.out.flush();
    }
}
