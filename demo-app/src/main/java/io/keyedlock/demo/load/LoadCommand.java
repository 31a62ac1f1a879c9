// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.load;

import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import javax.sql.DataSource;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.jdbc.support.JdbcUtils;
import org.springframework.jdbc.support.MetaDataAccessException;
import org.springframework.stereotype.Component;

/** The command that runs the load without and with the lock and prints both side by side. */
@Component
public class LoadCommand {

    /** The argument that starts this command instead of the web application. */
    public static final String ARGUMENT = "load";

    private static final int WARM_UP_EVENTS = 400;

    private final EventLoad load;
    private final LoadPlan plan;
    private final DataSource dataSource;

    LoadCommand(EventLoad load, LoadPlan plan, DataSource dataSource) {
        this.load = load;
        this.plan = plan;
        this.dataSource = dataSource;
    }

    /**
     * Starts an application without a web server, runs the load, prints to standard output, and stops it.
     *
     * @param application the application's class
     * @param args its arguments; {@code --demo.load.events}, {@code --demo.load.addresses} and
     *     {@code --demo.load.threads} change the plan
     * @return 0 if all went as it must, else 1
     */
    public static int run(Class<?> application, String... args) {
        SpringApplicationBuilder builder = new SpringApplicationBuilder(application)
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .logStartupInfo(false)
                .properties(Map.of("logging.level.root", "warn"));
        try (ConfigurableApplicationContext context = builder.run(args)) {
            return context.getBean(LoadCommand.class).run(System.out) ? 0 : 1;
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
            return 1;
        }
    }

    boolean run(PrintStream out) throws InterruptedException {
        out.printf(
                Locale.ROOT,
                "%,d concurrent events over %d addresses by %d threads, on %s%n",
                plan.events(),
                plan.addresses(),
                plan.threads(),
                database());
        LoadPlan warmUp = new LoadPlan(Math.min(plan.events(), WARM_UP_EVENTS), plan.addresses(), plan.threads());
        out.printf(Locale.ROOT, "warming up with %,d events each way%n", warmUp.events());
        load.run(warmUp, false, done -> {});
        load.run(warmUp, true, done -> {});

        List<LoadResult> results = List.of(measure(false, out), measure(true, out));
        LoadTable.print(results, out);
        boolean good = results.stream().allMatch(LoadResult::asExpected);
        out.println(
                good
                        ? "As it must be: no update lost either way, and no conflict under the lock."
                        : "NOT as it must be: see the table.");
        out.flush();
        return good;
    }

    private LoadResult measure(boolean lock, PrintStream out) throws InterruptedException {
        String way = LoadTable.name(lock);
        return load.run(plan, lock, done -> {
            out.printf(Locale.ROOT, "%-16s %,6d of %,d events%n", way, done, plan.events());
            out.flush();
        });
    }

    private String database() {
        try {
            return Objects.requireNonNull(JdbcUtils.extractDatabaseMetaData(
                    dataSource, about -> about.getDatabaseProductName() + " " + about.getDatabaseProductVersion()));
        } catch (MetaDataAccessException unknown) {
            return "an unknown database";
        }
    }
}
