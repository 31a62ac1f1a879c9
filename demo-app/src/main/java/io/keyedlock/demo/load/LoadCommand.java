// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.load;

import io.keyedlock.demo.commands.CommandApplication;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.stereotype.Component;

/** The command that runs the load without and with the lock and prints both results side by side. */
@Component
public class LoadCommand {

    /** The argument that starts this command instead of the web application. */
    public static final String ARGUMENT = "load";

    private static final String ISOLATION = "spring.datasource.hikari.transaction-isolation";

    private static final int WARM_UP_EVENTS = 400;

    private final EventLoad load;
    private final LoadPlan plan;
    private final Database database;

    LoadCommand(EventLoad load, LoadPlan plan, Database database) {
        this.load = load;
        this.plan = plan;
        this.database = database;
    }

    /**
     * Starts an application without a web server, runs the load, prints to standard output, and stops it. If
     * {@code demo.load.also-at} names another isolation level, repeats all that at that level.
     *
     * @param application the application's class
     * @param args its arguments; {@code --demo.load.events}, {@code --demo.load.addresses} and
     *     {@code --demo.load.threads} change the plan
     * @return 0 if the result is as expected, else 1
     */
    public static int run(Class<?> application, String... args) {
        try {
            List<LoadResult> results = new ArrayList<>();
            String also = measure(application, results, args);
            if (also != null) {
                String[] more = Arrays.copyOf(args, args.length + 1);
                more[args.length] = "--" + ISOLATION + "=" + also;
                measure(application, results, more);
            }
            LoadTable.print(results, System.out);
            boolean good = results.stream().allMatch(LoadResult::asExpected);
            System.out.println(good ? LoadTable.verdict(results) : "NOT as it must be: see the table.");
            System.out.flush();
            return good ? 0 : 1;
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            return 1;
        }
    }

    /** Adds the results at one isolation level. Returns the other level to measure, or null. */
    private static @Nullable String measure(Class<?> application, List<LoadResult> results, String... args)
            throws InterruptedException {
        try (ConfigurableApplicationContext context = CommandApplication.start(application, args)) {
            results.addAll(context.getBean(LoadCommand.class).run(System.out));
            String also = context.getEnvironment().getProperty("demo.load.also-at");
            return also == null || also.equals(context.getEnvironment().getProperty(ISOLATION)) ? null : also;
        }
    }

    List<LoadResult> run(PrintStream out) throws InterruptedException {
        out.printf(
                Locale.ROOT,
                "%,d concurrent events over %d addresses by %d threads, in %s%n",
                plan.events(),
                plan.addresses(),
                plan.threads(),
                database.description());
        LoadPlan warmUp = new LoadPlan(Math.min(plan.events(), WARM_UP_EVENTS), plan.addresses(), plan.threads());
        out.printf(Locale.ROOT, "warming up with %,d events each way%n", warmUp.events());
        load.run(warmUp, false, done -> {});
        load.run(warmUp, true, done -> {});
        return List.of(measure(false, out), measure(true, out));
    }

    private LoadResult measure(boolean lock, PrintStream out) throws InterruptedException {
        String way = LoadTable.name(lock);
        return load.run(plan, lock, done -> {
            out.printf(Locale.ROOT, "%-16s %,6d of %,d events%n", way, done, plan.events());
            out.flush();
        });
    }
}
