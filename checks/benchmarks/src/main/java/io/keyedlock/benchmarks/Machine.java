// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.benchmarks;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The machine on which the figures are measured. */
public final class Machine {

    private Machine() {}

    /** Describes the machine, its present load, and the JDK that is measured. */
    public static Map<String, String> describe(Runtime.Version jdk) {
        Map<String, String> about = new LinkedHashMap<>();
        String memory =
                ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                        ? ", " + Math.round(system.getTotalMemorySize() / 1e9) + " GB"
                        : "";
        about.put(
                "machine",
                Runtime.getRuntime().availableProcessors() + " cores of " + processor() + memory + ", "
                        + System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        about.put("load average at the start", Figure.number(load));
        about.put("JDK", jdk.toString());
        return about;
    }

    private static String processor() {
        try {
            return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                    .filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).trim())
                    .findFirst()
                    .orElse("an unknown processor");
        } catch (IOException e) {
            return "an unknown processor";
        }
    }
}
