// SPDX-License-Identifier: Apache-2.0
package io.keyedlock.demo.commands;

import java.util.Map;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/** The application as run by a command: without a web server and without log output. */
public final class CommandApplication {

    private CommandApplication() {}

    /**
     * Starts the application.
     *
     * @param application its class
     * @param args its arguments
     * @return the context, for the command to close
     */
    public static ConfigurableApplicationContext start(Class<?> application, String... args) {
        return new SpringApplicationBuilder(application)
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .logStartupInfo(false)
                .properties(Map.of("logging.level.root", "warn"))
                .run(args);
    }
}
