// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The machine on which the figures were measured. */
public final class Machine {

    private Machine() {}

    public static Map<String, String> describe() {
        Map<String, String> about = new TreeMap<>();
        about.put("processors", Integer.toString(Runtime.getRuntime().availableProcessors()));
        about.put("system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        about.put("load average at the start", Report.number(load));
        if (ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system) {
            about.put("memory", Math.round(system.getTotalMemorySize() / 1e9) + " GB");
        }
        processor().ifPresent(name -> about.put("processor", name));
        return about;
    }

    /** Returns the description as a list in Markdown. */
    public static String list() {
        StringBuilder list = new StringBuilder();
        describe()
                .forEach((name, value) -> list.append("- ")
                        .append(name)
                        .append(": ")
                        .append(value)
                        .append('\n'));
        return list.toString();
    }

    private static Optional<String> processor() {
        try {
            List<String> lines = Files.readAllLines(Path.of("/proc/cpuinfo"));
            return lines.stream()
                    .filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).trim())
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
