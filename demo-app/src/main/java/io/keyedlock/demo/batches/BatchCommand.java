// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.batches;

import io.keyedlock.demo.commands.CommandApplication;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.stereotype.Component;

/** The command that processes the same messages in each way and prints the results side by side. */
@Component
public class BatchCommand {

    /** The argument that starts this command instead of the web application. */
    public static final String ARGUMENT = "batch";

    private static final int WARM_UP_MESSAGES = 60;

    private final StepRuns runs;
    private final StepSource source;
    private final BatchProperties properties;

    BatchCommand(StepRuns runs, StepSource source, BatchProperties properties) {
        this.runs = runs;
        this.source = source;
        this.properties = properties;
    }

    /**
     * Starts an application without a web server, processes the messages, prints to standard output, and stops it.
     *
     * @param application the application's class
     * @param args its arguments; {@code --demo.batches.messages} and similar properties change the plan
     * @return 0 if the result is as expected, else 1
     */
    public static int run(Class<?> application, String... args) {
        try (ConfigurableApplicationContext context = CommandApplication.start(application, args)) {
            return context.getBean(BatchCommand.class).run(System.out) ? 0 : 1;
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            return 1;
        }
    }

    boolean run(PrintStream out) throws InterruptedException {
        int messages = properties.messages();
        out.printf(
                Locale.ROOT,
                "%,d messages for %d orders in batches of up to %d, from %s%n",
                messages,
                properties.orders(),
                properties.size(),
                source.description());
        List<BatchWay> ways = Arrays.asList(BatchWay.values());
        for (BatchWay way : ways) {
            runs.run(Math.min(WARM_UP_MESSAGES, messages), way, (done, of) -> {});
        }
        out.printf("%n%-18s %11s %12s %8s %9s %13s%n", "", "time", "per second", "lost", "repeated", "out of order");
        boolean good = true;
        for (BatchWay way : ways) {
            StepCheck check = runs.run(messages, way, (done, of) -> {});
            good &= check.lost() == 0 && (check.outOfOrder() == 0) == way.keepsOrder();
            out.printf(
                    Locale.ROOT,
                    "%-18s %,8d ms %,12d %8d %9d %13d%n",
                    way.label(),
                    check.millis(),
                    messages * 1000L / Math.max(1, check.millis()),
                    check.lost(),
                    check.repeated(),
                    check.outOfOrder());
            out.flush();
        }
        out.println();
        out.println(
                good
                        ? "As it must be: nothing lost, messages overtaken without the lock, and none under it."
                        : "NOT as it must be: see the table.");
        out.flush();
        return good;
    }
}
