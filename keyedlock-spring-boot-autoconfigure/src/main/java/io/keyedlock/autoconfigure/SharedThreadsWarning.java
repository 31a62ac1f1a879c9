// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.autoconfigure;

import io.keyedlock.KeyedLockerSettings;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.ApplicationContext;
import org.springframework.context.ApplicationListener;
import org.springframework.context.event.ContextRefreshedEvent;
import org.springframework.core.env.Environment;

/**
 * Warns at startup if requests that wait for keys can occupy all threads of the web server, so that the endpoint and health
 * probes on the same port cannot answer.
 */
final class SharedThreadsWarning implements ApplicationListener<ContextRefreshedEvent> {

    private static final Logger log = LoggerFactory.getLogger(SharedThreadsWarning.class);

    /** Shorter waits end before a pool of the usual size is likely to be exhausted. */
    static final Duration SHORT_WAIT = Duration.ofSeconds(5);

    private static final int MAX_NAMED = 5;

    private final ApplicationContext context;
    private final ContextLockers lockers;

    SharedThreadsWarning(ApplicationContext context, ContextLockers lockers) {
        this.context = context;
        this.lockers = lockers;
    }

    @Override
    public void onApplicationEvent(ContextRefreshedEvent event) {
        if (event.getApplicationContext() != context || !sharesThreads(context.getEnvironment())) {
            return;
        }
        List<String> names = lockers.ofContext().entrySet().stream()
                .filter(entry -> canOccupyThreads(entry.getValue().settings()))
                .map(entry -> "'" + entry.getKey() + "'")
                .toList();
        if (!names.isEmpty()) {
            String rest = names.size() > MAX_NAMED ? " and " + (names.size() - MAX_NAMED) + " more" : "";
            log.warn(
                    "Any number of requests may wait for a key of {}{} for more than {} s. If they occupy all threads of the web"
                            + " server, the endpoint keyedlocks and health probes on the same port do not answer. Set"
                            + " management.server.port, or limit keyedlock.defaults.max-waiters or wait-time",
                    String.join(", ", names.subList(0, Math.min(names.size(), MAX_NAMED))),
                    rest,
                    SHORT_WAIT.toSeconds());
        }
    }

    private static boolean canOccupyThreads(KeyedLockerSettings settings) {
        return settings.maxWaiters() == KeyedLockerSettings.UNBOUNDED
                && settings.waitTime().compareTo(SHORT_WAIT) > 0;
    }

    private static boolean sharesThreads(Environment environment) {
        Integer management = environment.getProperty("management.server.port", Integer.class);
        boolean samePort =
                management == null || management.equals(environment.getProperty("server.port", Integer.class, 8080));
        boolean virtualThreads = environment.getProperty("spring.threads.virtual.enabled", Boolean.class, false)
                && Runtime.version().feature() >= 21;
        return samePort && !virtualThreads;
    }
}
