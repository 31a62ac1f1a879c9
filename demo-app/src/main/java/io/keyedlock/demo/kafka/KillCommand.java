// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.kafka;

import io.keyedlock.demo.batches.BatchProperties;
import io.keyedlock.demo.batches.BatchWay;
import io.keyedlock.demo.batches.StepCheck;
import io.keyedlock.demo.batches.StepLedger;
import io.keyedlock.demo.batches.StepRuns;
import io.keyedlock.demo.commands.CommandApplication;
import io.keyedlock.demo.servers.JavaCommand;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Profile;
import org.springframework.stereotype.Component;

/**
 * The command that kills the demo while it processes messages. It sends the messages, starts the demo as another process, stops
 * it with SIGTERM, restarts it, kills it with SIGKILL, restarts it, and then checks all deliveries in the database.
 */
@Component
@Profile("kafka")
public class KillCommand {

    /** The argument that starts this command instead of the web application. */
    public static final String ARGUMENT = "kill-test";

    private final StepRuns runs;
    private final StepLedger ledger;
    private final BatchProperties properties;

    KillCommand(StepRuns runs, StepLedger ledger, BatchProperties properties) {
        this.runs = runs;
        this.ledger = ledger;
        this.properties = properties;
    }

    /**
     * Runs the command, under the profile {@code kafka}.
     *
     * @param application the demo's main class, which is started and killed
     * @param args its arguments, which are also passed to the demos
     * @return 0 if no message was lost and the order per key was preserved, else 1
     * @throws IOException if a process cannot be started
     */
    public static int run(Class<?> application, String... args) throws IOException {
        String[] mine = Arrays.copyOf(args, args.length + 2);
        mine[args.length] = "--spring.profiles.active=kafka";
        mine[args.length + 1] = "--demo.kafka.listen=false";
        List<String> demo = new ArrayList<>(JavaCommand.of(application));
        Arrays.stream(args).filter(arg -> arg.startsWith("--")).forEach(demo::add);
        demo.add("--spring.profiles.active=kafka");
        demo.add("--server.port=0");
        try (ConfigurableApplicationContext context = CommandApplication.start(application, mine)) {
            return context.getBean(KillCommand.class).run(demo, System.out) ? 0 : 1;
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            return 1;
        }
    }

    private boolean run(List<String> demo, PrintStream out) throws IOException, InterruptedException {
        int messages = properties.messages();
        String run = runs.send(messages, BatchWay.IN_ORDER);
        out.printf(Locale.ROOT, "Sent %,d messages for %d orders.%n", messages, properties.orders());

        int first = killAt(demo, run, messages / 4, false, out);
        int second = killAt(demo, run, Math.max(first + 1, messages / 2), true, out);
        Process last = start(demo, out);
        try {
            runs.awaitDeliveries(run, messages);
        } finally {
            end(last, false);
        }

        StepCheck check = ledger.check(run);
        boolean inTheMiddle = second < messages;
        out.printf(
                Locale.ROOT,
                "%nmessages %,d, lost %d, out of order %d, repeated %d; batches %d, of which broken off %d%n",
                check.messages(),
                check.lost(),
                check.outOfOrder(),
                check.repeated(),
                check.batches(),
                check.brokenOff());
        boolean good = check.good() && inTheMiddle && check.brokenOff() > 0;
        out.println(
                good
                        ? "As it must be: nothing lost, and the order of each key kept through both ends."
                        : inTheMiddle
                                ? "NOT as it must be: messages were lost or out of order, or no batch was broken off."
                                : "The end came after the last message; give more with --demo.batches.messages=...");
        out.flush();
        return good;
    }

    private int killAt(List<String> demo, String run, int count, boolean atOnce, PrintStream out)
            throws IOException, InterruptedException {
        Process process = start(demo, out);
        try {
            runs.awaitDeliveries(run, count);
            while (process.isAlive() && !ledger.isWithinBatch(run) && ledger.delivered(run) < properties.messages()) {
                Thread.sleep(10);
            }
        } finally {
            end(process, atOnce);
        }
        int delivered = ledger.delivered(run);
        out.printf(
                Locale.ROOT,
                "%s: exit code %d, %,d messages delivered by then%n",
                atOnce ? "SIGKILL" : "SIGTERM",
                process.exitValue(),
                delivered);
        out.flush();
        return delivered;
    }

    private static Process start(List<String> demo, PrintStream out) throws IOException {
        Path log = Files.createTempFile("keyedlock-demo-", ".log");
        Process process = new ProcessBuilder(demo)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        out.printf("Started the demo, process %d, log %s%n", process.pid(), log);
        out.flush();
        return process;
    }

    private static void end(Process process, boolean atOnce) throws InterruptedException {
        if (atOnce) {
            process.destroyForcibly();
        } else {
            process.destroy();
        }
        if (!process.waitFor(60, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
        }
    }
}
